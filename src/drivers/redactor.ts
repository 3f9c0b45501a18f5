/** Shorter values are words ("1", "beta") that an error may need, and no secrets. */
const shortestSecret = 8;
/** Keys of each place that are remembered: a rotated one may still be in the answers to earlier calls. */
const mostKeys = 16;

type Headers = Readonly<Record<string, string>>;

/** Takes a Client's keys and header values out of texts of others, before they may become part of an error. */
export class Redactor {
  readonly #headers: readonly string[];
  /** By the place among the Client's keys: the one in use, and some before it. */
  readonly #keys: Set<string>[] = [];

  constructor(headers: Headers) {
    this.#headers = Object.values(headers);
  }

  addKey(key: string, place = 0): void {
    this.#keys[place] ??= new Set();
    const keys = this.#keys[place];
    keys.delete(key);
    if (keys.size >= mostKeys) keys.delete(keys.values().next().value!);
    keys.add(key);
  }

  /** `text` without secrets, those in the headers of the call among them. */
  mask(text: string, ofCall: Headers | undefined): string {
    let masked = text;
    const keys = this.#keys.flatMap((ofPlace) => [...ofPlace]);
    for (const secret of [...keys, ...this.#headers, ...Object.values(ofCall ?? {})]) {
      if (secret.length >= shortestSecret) masked = masked.replaceAll(secret, "****");
    }
    return masked;
  }
}
