import { Bare, Broken, template } from "./broken.ts";
import { castJson } from "./cast.ts";
import { addValue, type Found, isComplete, isRest, merged } from "./found.ts";
import { groupsIn } from "./json-find.ts";
import { keyAt } from "./json-string.ts";
import type { Outline } from "./outline.ts";
import { withoutFence } from "./scalars.ts";
import { strictJson } from "./strict-json.ts";
import { isTemplate } from "./template.ts";
import { isRecord } from "./view.ts";

type Values = Pick<Found, "values" | "hasOthers">;

/** How deep the outputs may be wrapped: `{ output: ... }`, the arguments of a tool call, an object as a text. */
const maxWraps = 2;

/** The outputs as members of an object. Of several objects the last whole one counts. */
export function objectIn(text: string, outline: Outline): Found | undefined {
  const own = withoutFence(text.trim());
  return strictly(own, outline) ?? carelessly(own, outline) ?? repaired(own, outline);
}

/** What is JSON as it stands. Where that may lose something, it is left to the careless reader. */
function strictly(text: string, outline: Outline): Found | undefined {
  const found = outputsOf(strictJson(text), outline, maxWraps);
  return found && { kind: "json", ...found, endsText: true, again: () => carelessly(text, outline) };
}

function carelessly(text: string, outline: Outline): Found | undefined {
  const take = (value: unknown): Values | undefined => outputsOf(value, outline, maxWraps);
  const lists = text.startsWith("[") || outline.only?.view.kind === "array";
  const whole = lists ? groupsIn(text, outline.view, "list", take) : [];
  const groups = whole.length > 0 ? whole : groupsIn(text, outline.view, "object", take);
  if (groups.length === 0) return undefined;
  const found = groups.map(({ value, end }): Found => {
    return { kind: "json", ...value, endsText: isRest(text, end) };
  });
  const last = found.findLast((one) => isComplete(one, outline));
  return last ?? { ...found.at(-1)!, values: merged(found.map(({ values }) => values)) };
}

/** An object without its first brace, or with every quote escaped. */
function repaired(text: string, outline: Outline): Found | undefined {
  const key = text.startsWith('"') ? keyAt(text, 0) : undefined;
  if (key?.hasColon && outline.names.find(key.name) !== undefined) return carelessly(`{${text}`, outline);
  if (!text.includes('{\\"')) return undefined;
  const inner = text.replaceAll('\\"', '"').replaceAll("\\\\", "\\");
  return strictly(inner, outline) ?? carelessly(inner, outline);
}

/** The outputs in a value: its own members, or those of what it wraps. */
function outputsOf(value: unknown, outline: Outline, wraps: number): Values | undefined {
  if (typeof value === "string") return wraps > 0 ? ofText(value, outline, wraps) : undefined;
  if (Array.isArray(value)) return ofList(value, outline, wraps);
  if (!isRecord(value)) return undefined;
  return (
    ofMembers(value, outline) ??
    ofOnly(value, outline) ??
    (wraps > 0 ? unwrapped(value, outline, wraps) : undefined)
  );
}

function ofMembers(record: Readonly<Record<string, unknown>>, { names }: Outline): Values | undefined {
  const values = new Map<string, unknown>();
  let hasOthers = false;
  for (const [key, value] of Object.entries(record)) {
    const name = names.find(key);
    if (name === undefined) hasOthers = true;
    else addValue(values, name, isPlaceholder(name, value) ? template : value);
  }
  return values.size === 0 ? undefined : { values, hasOthers };
}

function isPlaceholder(name: string, value: unknown): boolean {
  if (value instanceof Bare) return /^<.*>$/.test(value.text);
  return typeof value === "string" && isTemplate(name, value);
}

/** A text that holds the object once more. */
function ofText(text: string, outline: Outline, wraps: number): Values | undefined {
  const own = withoutFence(text.trim());
  if (!/^[{[]/.test(own)) return undefined;
  const [group] = groupsIn(own, outline.view, own.startsWith("[") ? "list" : "object", (value) =>
    outputsOf(value, outline, wraps - 1),
  );
  return group?.value;
}

/** A list of one object, or of several that say the same. */
function ofList(list: readonly unknown[], outline: Outline, wraps: number): Values | undefined {
  const parts = list.flatMap((item) => (isRecord(item) ? (outputsOf(item, outline, wraps - 1) ?? []) : []));
  if (parts.length === 0 || parts.length < list.length) return ofOnly(list, outline);
  return {
    values: merged(parts.map(({ values }) => values)),
    hasOthers: parts.some(({ hasOthers }) => hasOthers),
  };
}

/** The value of the only output, without the level that names it. */
function ofOnly(value: unknown, { only }: Outline): Values | undefined {
  const kind = only?.view.kind;
  if (only === undefined || (kind !== "array" && kind !== "shape")) return undefined;
  if (kind === "array" ? !Array.isArray(value) : castJson(only.view, value) instanceof Broken)
    return undefined;
  return { values: new Map([[only.name, value]]), hasOthers: false };
}

function unwrapped(
  record: Readonly<Record<string, unknown>>,
  outline: Outline,
  wraps: number,
): Values | undefined {
  const inside = Object.values(record).flatMap((member) => {
    const isHolder = typeof member === "string" || isRecord(member) || Array.isArray(member);
    return isHolder ? (outputsOf(member, outline, wraps - 1) ?? []) : [];
  });
  return inside.length === 1 ? inside[0] : undefined;
}
