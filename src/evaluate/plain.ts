import { isTrunklineError } from "../core/errors.ts";
import { thrownText } from "../core/thrown.ts";

const maxDepth = 100;

/** Any value as plain JSON data, for people and files: what JSON has no form for becomes a text that says what it was. */
export function plain(value: unknown): unknown {
  return plainAt(value, []);
}

/** What went wrong, in two words of plain data. */
export function plainError(error: unknown): { readonly code?: string; readonly message: string } {
  const message = thrownText(error);
  return isTrunklineError(error) ? { code: error.code, message } : { message };
}

function plainAt(value: unknown, above: readonly object[]): unknown {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      return Number.isFinite(value) ? value : String(value);
    case "object":
      return value === null ? null : plainObject(value, above);
    case "undefined":
      return undefined;
    default:
      return typeof value === "function" ? `[function ${value.name}]` : String(value);
  }
}

function plainObject(value: object, above: readonly object[]): unknown {
  if (above.includes(value)) return "[a cycle]";
  if (above.length > maxDepth) return "[nested too deeply]";
  const inside = [...above, value];
  const each = (item: unknown): unknown => plainAt(item, inside) ?? null;
  if (Array.isArray(value)) return Array.from(value, each);
  if (value instanceof Map) return Array.from(value, each);
  if (value instanceof Set) return Array.from(value, each);
  if (value instanceof Uint8Array) return `[${value.length} bytes]`;
  if (value instanceof Error) return plainError(value);
  const toJSON = read(value, "toJSON");
  return typeof toJSON === "function" ? ownForm(value, inside) : members(value, inside);
}

/** What a value says of itself, as dates and URLs do. */
function ownForm(value: object, above: readonly object[]): unknown {
  try {
    return plainAt((value as { toJSON(): unknown }).toJSON(), above) ?? null;
  } catch {
    return "[unreadable]";
  }
}

function members(value: object, above: readonly object[]): Record<string, unknown> {
  const made: Record<string, unknown> = {};
  for (const name of Object.keys(value)) {
    const member = plainAt(read(value, name), above);
    // defineProperty, so that a member called __proto__ stays a member.
    if (member !== undefined) {
      Object.defineProperty(made, name, {
        value: member,
        enumerable: true,
        writable: true,
        configurable: true,
      });
    }
  }
  return made;
}

/** A getter may throw. */
function read(owner: object, name: string): unknown {
  try {
    return (owner as Record<string, unknown>)[name];
  } catch {
    return "[unreadable]";
  }
}
