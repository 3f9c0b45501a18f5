/** What of it is said, in characters. */
const mostText = 2_000;
const saysNothing = "it failed and did not say why";

/** What was thrown, in words: its message where it has one. Bounded and safe, for anything can be thrown. */
export function thrownText(thrown: unknown): string {
  try {
    return cut(wordsOf(thrown), mostText) || saysNothing;
  } catch {
    return saysNothing;
  }
}

function wordsOf(thrown: unknown): string {
  if (thrown === undefined || thrown === null) return saysNothing;
  if (thrown instanceof Error) return thrown.message || thrown.name;
  const { message } = Object(thrown) as { readonly message?: unknown };
  return typeof message === "string" ? message : String(thrown);
}

/** The first characters of a text; no letter is cut in two. */
export function cut(text: string, length: number): string {
  const whole = text.toWellFormed();
  return whole.length <= length ? whole : `${whole.slice(0, length).replace(/[\uD800-\uDBFF]$/, "")}...`;
}
