import type { Names } from "./names.ts";

const bullet = /^([ \t]*)([-*\u2022\u2013]|\d{1,4}[.):])\s+(.*)$/;

/** The items of a text in which every line is an item with a bullet or a number, and none stands below another. */
export function bulletItems(text: string): readonly string[] | undefined {
  const items: string[] = [];
  const starts = new Set<number>();
  const ends = new Set<number>();
  for (const line of text.split("\n")) {
    if (line.trim() === "") continue;
    const [, before, mark, item] = bullet.exec(line) ?? [];
    if (item === undefined) return undefined;
    // Blanks before the first were cut with those around the text.
    if (items.length > 0) {
      starts.add(before!.length);
      ends.add(before!.length + mark!.length);
    }
    items.push(item.trim());
  }
  const isHeaded = starts.size > 0 && !starts.has(0) && items[0]!.endsWith(":");
  const isFlat = !isHeaded && (starts.size <= 1 || ends.size <= 1);
  return isFlat && items.length > 0 ? items : undefined;
}

/** The values of a text in which every line is a known name, a colon and a value. */
export function labelledLines(text: string, names: Names): ReadonlyMap<string, string> | undefined {
  const values = new Map<string, string>();
  for (const line of text.split("\n")) {
    if (line.trim() === "") continue;
    const colon = line.indexOf(":");
    const name =
      colon === -1
        ? undefined
        : names.find(
            line
              .slice(0, colon)
              .replace(/[*_\s"'-]+/g, " ")
              .trim(),
          );
    if (name === undefined || values.has(name)) return undefined;
    values.set(name, line.slice(colon + 1).trim());
  }
  return values.size === 0 ? undefined : values;
}
