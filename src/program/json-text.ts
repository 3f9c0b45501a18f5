/**
 * A value as JSON text, whatever it holds: bytes as base64, where JSON would write an object with a member for each,
 * and big integers as their digits.
 */
export function jsonText(value: unknown): string {
  return JSON.stringify(value, asJson) ?? "null";
}

/** `member` has gone through its own `toJSON`, which makes of a Buffer what nobody wants; the holder has the value. */
function asJson(this: unknown, name: string, member: unknown): unknown {
  const value = (this as Record<string, unknown>)[name];
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  return typeof member === "bigint" ? String(member) : member;
}
