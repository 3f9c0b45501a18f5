/** So many different configurations are a plan of somebody's, or a leak. */
const suspicious = 500;

type Fields = Readonly<Record<string, unknown>>;

/**
 * Notices when Clients are made without end, as when every call brings a header or a function of its own. Speaks
 * once, and names the field that varies; after that it remembers nothing.
 */
export class LeakWatch {
  readonly #threshold: number;
  #seen: Set<string> | undefined = new Set();
  #last: Fields | undefined;
  readonly #changes = new Map<string, number>();

  constructor(threshold: number = suspicious) {
    this.#threshold = threshold;
  }

  /** Takes note of a new Client's key; brings the warning when it is time for it. */
  created(key: string): string | undefined {
    if (this.#seen === undefined || this.#seen.has(key)) return undefined;
    this.#seen.add(key);
    this.#compare(flatten(JSON.parse(key)));
    if (this.#seen.size < this.#threshold) return undefined;
    this.#seen = undefined;
    return this.#warning();
  }

  #compare(fields: Fields): void {
    for (const name of new Set([...Object.keys(fields), ...Object.keys(this.#last ?? fields)])) {
      if (this.#last === undefined || this.#last[name] === fields[name]) continue;
      // A field's own name can be made up too (a header called after a request), so the table has a bound.
      if (this.#changes.size < 1_000 || this.#changes.has(name)) {
        this.#changes.set(name, (this.#changes.get(name) ?? 0) + 1);
      }
    }
    this.#last = fields;
  }

  #warning(): string {
    const most = Math.max(...this.#changes.values());
    // Several when one follows another, as the finer timeouts follow `timeout`.
    const fields = [...this.#changes.keys()].filter((name) => this.#changes.get(name) === most).slice(0, 4);
    return (
      `${this.#threshold} different client configurations were made; what varies most is ${fields.join(", ")}` +
      `${advice[fields[0]!.split(".")[0]!] ?? ""}. Each has a client of its own, so that little is shared.`
    );
  }
}

const advice: Readonly<Record<string, string>> = {
  apiKey: " (a function written inside a loop is a new one each time; make it once)",
  keys: " (a function written inside a loop is a new one each time; make it once)",
  backend: " (a function written inside a loop is a new one each time; make it once)",
  headers: " (headers that change with each call belong into the call's own options)",
};

/** `{ headers: { a: 1 } }` as `{ "headers.a": 1 }`, one level deep. */
function flatten(fields: Fields): Fields {
  const flat: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (typeof value !== "object" || value === null) flat[name] = value;
    else for (const [inner, each] of Object.entries(value)) flat[`${name}.${inner}`] = String(each);
  }
  return flat;
}
