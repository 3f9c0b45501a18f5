/**
 * A marker of the chat form begins with brackets, spaces and `#`. Content that looks like one is written with one
 * backslash more before its `#`, and read with one less. So no input, demo or earlier turn can open a field, not even
 * where an answer repeats it word for word.
 */
const opening = /\[ *(?=\\*##)|\[\[ *(?=\\*#)/g;
const guarded = /(\[ *)\\(?=\\*##)|(\[\[ *)\\(?=\\*#)/g;
/** The same two where a backslash is written as two, as JSON does. */
const openingInJson = /\[ *(?=(?:\\\\)*##)|\[\[ *(?=(?:\\\\)*#)/g;

export function guard(text: string): string {
  return text.includes("#") ? text.replace(opening, "$&\\") : text;
}

export function guardJson(json: string): string {
  return json.includes("#") ? json.replace(openingInJson, "$&\\\\") : json;
}

export function unguard(text: string): string {
  return text.includes("\\") ? text.replace(guarded, "$1$2") : text;
}

/** What every wire and every provider's JSON reader takes: no half of a surrogate pair, no NUL. */
export function sendable(text: string): string {
  const whole = text.isWellFormed() ? text : text.toWellFormed();
  return whole.includes("\0") ? whole.replaceAll("\0", "\ufffd") : whole;
}
