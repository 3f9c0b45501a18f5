/** Rows under a head; the first column names them. */
export interface Table {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** What a reader must know of how it was measured. */
  readonly notes?: readonly string[];
}

export function print({ title, head, rows, notes = [] }: Table): string {
  const widths = head.map((name, at) => Math.max(name.length, ...rows.map((row) => row[at]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    widths
      .map((width, at) => (at === 0 ? (cells[at] ?? "").padEnd(width) : (cells[at] ?? "").padStart(width)))
      .join("  ")
      .trimEnd();
  return [title, line(head), ...rows.map(line), ...notes.map((note) => `  ${note}`)].join("\n");
}

export function count(value: number | undefined): string {
  return value === undefined || Number.isNaN(value) ? "-" : Math.round(value).toLocaleString("en-US");
}

export function fixed(value: number | undefined, digits: number): string {
  return value === undefined || Number.isNaN(value) ? "-" : value.toFixed(digits);
}

export const megabytes = (bytes: number | undefined): string => fixed(bytes && bytes / 2 ** 20, 0);
export const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
