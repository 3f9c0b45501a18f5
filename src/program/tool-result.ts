import { cut } from "../core/thrown.ts";

/**
 * A tool's result as the model sees it: a text as it is, anything else as JSON. What JSON would lose or change
 * without a word (a cycle, a bigint, a function, nothing at all) is an Error that names it.
 */
export function resultText(result: unknown): string {
  if (typeof result === "string") return result.toWellFormed();
  try {
    return JSON.stringify(result, refuseLost);
  } catch (error) {
    if (error instanceof RangeError) throw notJson("a value nested too deeply");
    if (error instanceof TypeError && /circular/i.test(error.message)) throw notJson("a cycle");
    throw error;
  }
}

function refuseLost(this: unknown, key: string, value: unknown): unknown {
  // Before its toJSON: that of a Buffer makes a list of numbers.
  const whole = (this as Record<string, unknown>)[key];
  const loss = value === undefined && key !== "" ? undefined : lossOf(isBytes(whole) ? whole : value);
  if (loss === undefined) return value;
  throw notJson(`${loss}${key === "" ? "" : ` (at ${JSON.stringify(cut(key, 80))})`}`);
}

function notJson(what: string): Error {
  return new Error(`the tool returned ${what}, which is not JSON`);
}

const isBytes = (value: unknown): value is ArrayBufferView => ArrayBuffer.isView(value);

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
  if (isBytes(value) || Object.keys(value).length === 0) {
    return `a ${value.constructor?.name || "class instance"}`;
  }
  return undefined;
}
