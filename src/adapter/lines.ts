import type { Names } from "./names.ts";

const bullet = /^\s*(?:[-*\u2022\u2013]|\d{1,4}[.):])\s+(.*)$/;

/** The items of a text in which every line is an item with a bullet or a number. */
export function bulletItems(text: string): readonly string[] | undefined {
  const items: string[] = [];
  for (const line of text.split("\n")) {
    if (line.trim() === "") continue;
    const item = bullet.exec(line)?.[1];
    if (item === undefined) return undefined;
    items.push(item.trim());
  }
  return items.length === 0 ? undefined : items;
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
