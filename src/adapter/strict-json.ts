/** Nothing deeper is taken as it stands. */
const maxDepth = 100;

/**
 * The value of a text that is JSON as it stands. Nothing where that would lose something: a name that is there twice
 * keeps its last value only, and `\b` and `\f` may be formulas whose backslash should have been two.
 */
export function strictJson(text: string): unknown {
  if (!/^[[{"\d\-tfn]/.test(text) || text.includes("\\b") || text.includes("\\f")) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return value;
  return membersOf(value, 0) === colonsIn(text) ? value : undefined;
}

/** Members at all depths. */
function membersOf(value: unknown, depth: number): number {
  if (typeof value !== "object" || value === null) return 0;
  if (depth > maxDepth) return Number.NaN;
  let count = Array.isArray(value) ? 0 : Object.keys(value).length;
  for (const member of Object.values(value)) count += membersOf(member, depth + 1);
  return count;
}

/** Colons outside texts: one for each member that was written. */
function colonsIn(json: string): number {
  let count = 0;
  let isText = false;
  for (let i = 0; i < json.length; i++) {
    const char = json[i];
    if (char === '"') isText = !isText;
    else if (isText && char === "\\") i++;
    else if (!isText && char === ":") count++;
  }
  return count;
}
