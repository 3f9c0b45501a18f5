/** A table for people: columns as wide as their longest cell, up to a bound. */
export function table(
  columns: readonly string[],
  rows: readonly (readonly string[])[],
  widest: number,
): string {
  const lines = [columns, ...rows].map((row) => row.map((cell) => clip(oneLine(cell), widest)));
  const widths = columns.map((_, i) => lines.reduce((most, line) => Math.max(most, [...line[i]!].length), 0));
  const rule = widths.map((width) => "-".repeat(width)).join("  ");
  const [head, ...body] = lines.map((line) =>
    line
      .map((cell, i) => cell + " ".repeat(widths[i]! - [...cell].length))
      .join("  ")
      .trimEnd(),
  );
  return [head!, rule, ...body].join("\n");
}

/** Control characters would move a terminal's cursor. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const control = /[\u0000-\u001f\u007f-\u009f\s]+/g;

function oneLine(text: string): string {
  return text.replace(control, " ").trim();
}

function clip(text: string, width: number): string {
  const letters = [...text.slice(0, 4 * width)];
  return letters.length > width ? `${letters.slice(0, width - 3).join("")}...` : letters.join("");
}
