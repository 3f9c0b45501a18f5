import { plain } from "./plain.ts";

/** Rows as CSV (RFC 4180). The header has the columns of all rows, in the order in which they first appear. */
export function csv(rows: readonly ReadonlyMap<string, unknown>[], escapeFormulas: boolean): string {
  const columns = [...new Set(rows.flatMap((row) => [...row.keys()]))];
  const lines = rows.map((row) => columns.map((column) => cell(row.get(column), escapeFormulas)));
  return [columns.map((column) => cell(column, escapeFormulas)), ...lines]
    .map((cells) => `${cells.join(",")}\r\n`)
    .join("");
}

/** What spreadsheets take for a formula. */
const formula = /^[=+\-@\t\r]/;

function cell(value: unknown, escapeFormulas: boolean): string {
  const text = cellText(value);
  const safe = escapeFormulas && typeof value === "string" && formula.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function cellText(value: unknown): string {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : (JSON.stringify(plain(value)) ?? "");
}
