/** What a tool's failure may take of the prompt, in characters. */
const mostErrorText = 2_000;

/**
 * A tool's result as the model sees it: a text as it is, anything else as JSON. What JSON would lose or change
 * without a word (a cycle, a bigint, a function, nothing at all) is an Error that names it.
 */
export function resultText(result: unknown): string {
  if (typeof result === "string") return result.toWellFormed();
  const text = JSON.stringify(result, refuseLost) as string | undefined;
  if (text === undefined) throw new Error(`the tool returned ${lossOf(result)}, which is not JSON`);
  return text;
}

function refuseLost(this: unknown, key: string, value: unknown): unknown {
  const loss = value === undefined && key !== "" ? undefined : lossOf(value);
  if (loss === undefined) return value;
  const place = key === "" ? "" : ` (at ${JSON.stringify(cut(key, 80))})`;
  throw new Error(`the tool returned ${loss}${place}, which is not JSON`);
}

/** What of a value JSON has no word for, or undefined. */
function lossOf(value: unknown): string | undefined {
  switch (typeof value) {
    case "undefined":
      return "nothing (undefined)";
    case "function":
    case "symbol":
    case "bigint":
      return `a ${typeof value}`;
    case "number":
      return Number.isFinite(value) ? undefined : String(value);
    case "object":
      return value === null ? undefined : lossOfObject(value);
    default:
      return undefined;
  }
}

/** A Map, a Promise, bytes: objects whose contents are no members. */
function lossOfObject(value: object): string | undefined {
  const prototype: object | null = Object.getPrototypeOf(value);
  // Of this or another realm.
  const isPlain = prototype === null || Object.getPrototypeOf(prototype) === null;
  if (isPlain || Array.isArray(value)) return undefined;
  if (ArrayBuffer.isView(value) || Object.keys(value).length === 0) {
    return `a ${value.constructor?.name || "class instance"}`;
  }
  return undefined;
}

/** What a tool threw, in words for the model: bounded, whatever it was. */
export function failureText(thrown: unknown): string {
  try {
    const text = thrown instanceof Error ? thrown.message || thrown.name : String(thrown);
    return cut(text, mostErrorText) || "it failed and did not say why";
  } catch {
    return "it failed and did not say why";
  }
}

/** The first characters of a text; no letter is cut in two. */
function cut(text: string, length: number): string {
  const whole = text.toWellFormed();
  return whole.length <= length ? whole : `${whole.slice(0, length).replace(/[\uD800-\uDBFF]$/, "")}...`;
}
