/** What must be the same for rows in a file to be those of a run. Short texts, shown where they differ. */
export type Identity = Readonly<Record<string, string>>;

const version = 1;
const opening = '{"trunkline":"results",';

/** The first line of the file of a run. */
export function resultsHeader(run: Identity): string {
  return `${opening}"version":${version},"run":${JSON.stringify(run)}}\n`;
}

/** Whether a text without a whole line may be what a kill left of a first line, or nothing at all. */
export function isTornHeader(text: string): boolean {
  return opening.startsWith(text) || text.startsWith(opening);
}

/** What keeps a file with this first line from being that of a run. */
export function misfit(first: string, run: Identity): string | undefined {
  const header = headerOf(first);
  if (header === undefined) return "holds something else; give the run a file of its own";
  if (header.version !== version) {
    return `is of version ${header.version}, this package writes version ${version}; give the run a file of its own`;
  }
  const there = Object(header.run) as Record<string, unknown>;
  const differing = [...new Set([...Object.keys(there), ...Object.keys(run)])].filter(
    (name) => there[name] !== run[name],
  );
  if (differing.length === 0) return undefined;
  const what = differing.map((name) => `${name} is ${said(there[name])} there and ${said(run[name])} here`);
  return `belongs to another run: ${what.join(", ")}; give this run a file of its own, or remove that one`;
}

function headerOf(line: string): { version: unknown; run: unknown } | undefined {
  if (!line.startsWith(opening)) return undefined;
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function said(value: unknown): string {
  return value === undefined ? "not named" : JSON.stringify(value);
}
