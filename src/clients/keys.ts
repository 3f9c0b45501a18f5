import { kind } from "../core/check.ts";
import { TrunklineError } from "../core/errors.ts";
import { sendable } from "./headers.ts";
import { firstFound } from "./variables.ts";

/** Brings the key when an attempt needs one. */
export type KeyFunction = () => string | Promise<string>;

export type Key = string | KeyFunction;

/** What is known of a provider's keys beforehand. */
interface KeyFacts {
  readonly name: string;
  readonly label?: string;
  readonly keyVariables: readonly string[];
  readonly keyRequired: boolean;
}

/** Each is a lane a model, and every attempt looks at all of them. */
const mostKeys = 100;

export const isKey = (value: unknown): value is Key =>
  typeof value === "string" || typeof value === "function";

/** The keys that options and environment name: one at least, `""` where none is wanted. */
export function readKeys(
  provider: KeyFacts,
  { apiKey, keys }: { readonly apiKey?: Key; readonly keys?: readonly Key[] },
): readonly Key[] {
  if (keys === undefined) return Object.freeze([oneKey(provider, apiKey)]);
  const name = `${provider.name}: keys`;
  if (apiKey !== undefined)
    throw wrong(name, "apiKey is given as well; give all keys in `keys`, or one in `apiKey`");
  if (!Array.isArray(keys) || keys.length === 0 || keys.length > mostKeys) {
    throw wrong(name, `expected a list of 1 to ${mostKeys} keys, got ${kind(keys)}`);
  }
  const read = Array.from(keys as readonly unknown[], (key, i) => listedKey(`${name}[${i}]`, key));
  for (const [i, key] of read.entries()) {
    const first = read.indexOf(key);
    if (first < i) throw wrong(`${name}[${i}]`, `is the same as keys[${first}]; each key has one lane`);
  }
  return Object.freeze(read);
}

function oneKey(provider: KeyFacts, apiKey: Key | undefined): Key {
  if (typeof apiKey === "function") return apiKey;
  if (apiKey !== undefined) return readKey(`${provider.name}: apiKey`, apiKey);
  const found = firstFound(provider.keyVariables);
  if (found !== undefined) return readKey(found.name, found.value);
  if (!provider.keyRequired) return "";
  const variables = provider.keyVariables.join(" or ");
  throw wrong(
    provider.label ?? provider.name,
    `no API key; ${variables && `set ${variables} or `}pass apiKey ("" for a server that wants none)`,
  );
}

function listedKey(name: string, key: unknown): Key {
  if (!isKey(key)) throw wrong(name, `expected a string or a function, got ${kind(key)}`);
  if (typeof key === "function") return key;
  const read = readKey(name, key);
  if (read === "") throw wrong(name, "is empty");
  return read;
}

/** A key without the line break that files end with. Nothing of a key is ever in the error. */
export function readKey(name: string, text: string): string {
  const key = text.trim();
  if (key === "" && text !== "") throw wrong(name, 'is blank; "" says that no key is wanted');
  return sendable(name, key);
}

function wrong(name: string, what: string): TrunklineError {
  return new TrunklineError("config", `${name}: ${what}`);
}
