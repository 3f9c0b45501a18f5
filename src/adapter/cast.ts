import { step } from "../signature/check-value.ts";
import { Bare, Broken, expected, infinite, several, tooDeep, tooLarge } from "./broken.ts";
import { sameOf } from "./found.ts";
import { groupsIn } from "./json-find.ts";
import type { Members } from "./json-reader.ts";
import { bulletItems, labelledLines } from "./lines.ts";
import { namesOf } from "./names.ts";
import { booleanOf, choiceOf, isNothing, numberOf, peeled, withoutFence } from "./scalars.ts";
import { strictJson } from "./strict-json.ts";
import { fits, isRecord, type ScalarView, takesText, type View, type ViewMember } from "./view.ts";
import { elementsIn } from "./xml-text.ts";

type Kind<K extends View["kind"]> = Extract<View, { kind: K }>;
type Structure = Kind<"array" | "map" | "shape">;

/** Nothing is kept that is nested deeper. */
const maxDepth = 100;

/** The value that a text by itself means, as a section or a tag holds it; `Broken` where it means none. */
export function castText(view: View, text: string): unknown {
  switch (view.kind) {
    case "string":
      return wellFormed(text);
    case "any":
      return anyText(text);
    case "union":
      return unionText(view.members, text);
    case "array":
    case "map":
    case "shape":
      return structureText(view, withoutFence(text.trim()));
    default:
      return scalarText(view, text.trim());
  }
}

/** The value that something in JSON means, numbers and words without quotes included; `Broken` where it means none. */
export function castJson(view: View, value: unknown, depth = 0): unknown {
  if (value instanceof Broken) return value;
  if (depth > maxDepth) return tooDeep;
  switch (view.kind) {
    case "any":
      return anyJson(value, depth);
    case "string":
      return stringJson(value);
    case "union":
      return unionJson(view.members, value, depth);
    case "array":
      if (Array.isArray(value)) return castItems(view.items, value, depth);
      break;
    case "map":
      if (isRecord(value)) return castValues(view.values, value, depth);
      break;
    case "shape":
      if (isRecord(value)) return castMembers(view.members, value, depth);
      break;
    default:
      return scalarJson(view, value);
  }
  return typeof value === "string" ? structureText(view, withoutFence(value.trim())) : expected(view, value);
}

function wellFormed(text: string): string {
  return text.isWellFormed() ? text : text.toWellFormed();
}

// Scalars.

function scalarText(view: ScalarView, text: string, given: unknown = text): unknown {
  if (view.kind === "literal") return choiceIn([view.value], text) ?? expected(view, given);
  const inner = peeled(text);
  if (view.kind === "null") return isNothing(inner) ? null : expected(view, given);
  if (view.kind === "boolean") return booleanOf(inner) ?? expected(view, given);
  const number = numberOf(inner);
  if (number === undefined) return expected(view, given);
  return view.kind === "number" ? number : wholeNumber(view, number);
}

function scalarJson(view: ScalarView, value: unknown): unknown {
  if (value instanceof Bare) return scalarText(view, value.text, value);
  if (typeof value === "string")
    return view.kind === "null" ? expected(view, value) : scalarText(view, value.trim());
  if (view.kind === "literal") return value === view.value ? value : expected(view, value);
  if (view.kind === "null") return value === null ? value : expected(view, value);
  if (view.kind === "boolean") return typeof value === "boolean" ? value : expected(view, value);
  if (typeof value !== "number") return expected(view, value);
  return view.kind === "number" ? value : wholeNumber(view, value);
}

/** Beyond the safe ones a whole number may be another one than was written. */
function wholeNumber(view: View, value: number): unknown {
  if (Number.isSafeInteger(value)) return value;
  return Number.isInteger(value) ? tooLarge : expected(view, value);
}

function choiceIn<T extends string | number | boolean>(choices: readonly T[], text: string): T | undefined {
  const written = text.trim();
  const direct = choiceOf(choices, written);
  if (direct !== undefined) return direct;
  const inner = peeled(/^Literal\[(.*)\]$/s.exec(written)?.[1] ?? written);
  return choiceOf(choices, inner);
}

function stringJson(value: unknown): unknown {
  if (typeof value === "string") return wellFormed(value);
  const isScalar = typeof value === "boolean" || (value instanceof Bare && !isNothing(value.text));
  if (isScalar) return value instanceof Bare ? wellFormed(value.text) : String(value);
  return expected({ kind: "string" }, value);
}

// Lists and objects.

function castItems(view: View, items: readonly unknown[], depth: number): unknown {
  const values: unknown[] = [];
  for (const [i, item] of items.entries()) {
    const value = castJson(view, item, depth + 1);
    if (value instanceof Broken) return value.inside(step(i));
    values.push(value);
  }
  return values;
}

function castValues(view: View, record: Members, depth: number): unknown {
  const values: Members = {};
  for (const [name, member] of Object.entries(record)) {
    const value = castJson(view, member, depth + 1);
    if (value instanceof Broken) return value.inside(step(name));
    setOwn(values, wellFormed(name), value);
  }
  return values;
}

function castMembers(members: readonly ViewMember[], record: Members, depth: number): unknown {
  const names = namesOf(members);
  const byName = new Map(members.map((member) => [member.name, member]));
  const values: Members = {};
  for (const [key, given] of Object.entries(record)) {
    const name = names.find(key.trim()) ?? key;
    const member = byName.get(name);
    const value = castJson(member?.view ?? { kind: "any" }, given, depth + 1);
    // A model that must name every member writes null for one that it leaves out.
    if (member?.optional && isNull(given) && (value === null || value instanceof Broken)) continue;
    if (value instanceof Broken) return value.inside(step(name));
    const one = Object.hasOwn(values, name) ? sameOf(values[name], value) : value;
    if (one instanceof Broken) return one.inside(step(name));
    setOwn(values, name, one);
  }
  const absent = members.find(({ name, optional }) => !optional && !Object.hasOwn(values, name));
  return absent === undefined ? values : new Broken(` has no member ${JSON.stringify(absent.name)}`);
}

function structureText(view: Structure, text: string): unknown {
  const strict = strictJson(text);
  if (strict !== undefined) {
    if (isRecord(strict) || Array.isArray(strict)) return castJson(view, strict);
    if (typeof strict !== "string") return expected(view, text);
    const inner = strictJson(strict);
    if (isRecord(inner) || Array.isArray(inner)) return castJson(view, inner);
  }
  const listed = linesText(view, text);
  if (listed !== undefined) return listed;
  const tagged = text.startsWith("<") ? taggedText(view, text) : undefined;
  return tagged ?? groupText(view, text);
}

/** A list or an object inside a text, if there is one alone. */
function groupText(view: Structure, text: string): unknown {
  const opens = view.kind === "array" ? "list" : "object";
  const groups = groupsIn(text, view, opens, (value) => value);
  const values = groups.map(({ value }) => castJson(view, value));
  const whole = values.filter((value) => !(value instanceof Broken));
  if (whole.length === 0) return values.at(-1) ?? expected(view, text);
  return allEqual(whole) ? whole[0] : several;
}

/** Items with bullets, members with colons: one a line. */
function linesText(view: Structure, text: string): unknown {
  if (view.kind === "array") {
    const items = bulletItems(text);
    return items && collect(items.map((item) => castText(view.items, item)));
  }
  if (view.kind === "map") return undefined;
  const lines = labelledLines(text, namesOf(view.members));
  return lines && members(view.members, (name) => lines.get(name));
}

/** Items and members as tags. */
function taggedText(view: Structure, text: string): unknown {
  const elements = elementsIn(text);
  if (elements === undefined) return undefined;
  if (view.kind === "array") return collect(elements.map((element) => castText(view.items, element.text)));
  if (view.kind === "map") {
    const values: Members = {};
    for (const { name, text: own } of elements) setOwn(values, name, castText(view.values, own));
    if (Object.keys(values).length < elements.length) return undefined;
    return Object.values(values).find((value) => value instanceof Broken) ?? values;
  }
  const names = namesOf(view.members);
  const texts = new Map(elements.map((element) => [names.find(element.name) ?? element.name, element.text]));
  return texts.size < elements.length ? undefined : members(view.members, (name) => texts.get(name));
}

function members(fields: readonly ViewMember[], textOf: (name: string) => string | undefined): unknown {
  const values: Members = {};
  for (const { name, view, optional } of fields) {
    const text = textOf(name);
    if (text === undefined && optional) continue;
    if (text === undefined) return new Broken(` has no member ${JSON.stringify(name)}`);
    const value = castText(view, text);
    if (value instanceof Broken) return value.inside(step(name));
    setOwn(values, name, value);
  }
  return values;
}

function collect(values: readonly unknown[]): unknown {
  return values.find((value) => value instanceof Broken) ?? values;
}

// Unions.

function unionText(views: readonly View[], text: string): unknown {
  const inner = peeled(text);
  if (views.some(({ kind }) => kind === "null") && isNothing(inner)) return null;
  const choices = choicesOf(views);
  const choice = choices.length === 0 ? undefined : choiceIn(choices, text);
  if (choice !== undefined) return choice;
  const others = othersOf(views);
  if (!others.some(takesText)) return oneOf(views, (view) => castText(view, text), text);
  // Where a text will do, something else must be written as JSON has it.
  const strict = others.length > 1 ? strictJson(text.trim()) : undefined;
  const isOther = strict !== undefined && others.some((view) => fits(view, strict));
  return isOther ? castJson({ kind: "union", members: others }, strict) : wellFormed(text);
}

function unionJson(views: readonly View[], value: unknown, depth: number): unknown {
  const own = value instanceof Bare ? anyJson(value, depth) : value;
  if (own === null && views.some(({ kind }) => kind === "null")) return null;
  const fitting = views.find((view) => fits(view, own));
  if (fitting !== undefined) return castJson(fitting, value, depth);
  const choices = choicesOf(views);
  const text = value instanceof Bare ? value.text : value;
  const choice = typeof text === "string" && choices.length > 0 ? choiceIn(choices, text) : undefined;
  if (choice !== undefined) return choice;
  return oneOf(views, (view) => castJson(view, value, depth), value);
}

function choicesOf(views: readonly View[]): readonly (string | number | boolean)[] {
  return views.flatMap((view) => (view.kind === "literal" ? [view.value] : []));
}

/** The members that are neither choices nor null. */
function othersOf(views: readonly View[]): readonly View[] {
  return views.filter(({ kind }) => kind !== "literal" && kind !== "null");
}

/** What one of them makes of it, if no other makes something else of it. */
function oneOf(views: readonly View[], cast: (view: View) => unknown, given: unknown): unknown {
  const values = othersOf(views).map(cast);
  const whole = values.filter((value) => !(value instanceof Broken));
  if (whole.length > 0 && allEqual(whole)) return whole[0];
  // `T | null` with a wrong T: its own reason says more than the union's.
  const isAlone = values.length === 1 && choicesOf(views).length === 0;
  return isAlone ? values[0] : expected({ kind: "union", members: views }, given);
}

// Anything.

function anyText(text: string): unknown {
  const own = withoutFence(text.trim());
  const strict = strictJson(own);
  if (strict !== undefined) return anyJson(strict, 0);
  if (!/^[[{]/.test(own)) return wellFormed(text);
  return structureText(own.startsWith("{") ? { kind: "map", values: { kind: "any" } } : anyList, own);
}

const anyList: Structure = { kind: "array", items: { kind: "any" } };

function anyJson(value: unknown, depth: number): unknown {
  if (depth > maxDepth) return tooDeep;
  if (typeof value === "string") return wellFormed(value);
  if (value instanceof Bare) return bareValue(value);
  if (isInfinite(value)) return infinite;
  if (Array.isArray(value)) return castItems({ kind: "any" }, value, depth);
  return isRecord(value) ? castValues({ kind: "any" }, value, depth) : value;
}

function bareValue({ text }: Bare): unknown {
  if (isNothing(text)) return null;
  if (/^(?:true|false)$/i.test(text)) return text.toLowerCase() === "true";
  if (/^[-+]?(?:nan|infinity|inf)$/i.test(text) || isInfinite(Number(text))) return infinite;
  return numberOf(text) ?? wellFormed(text);
}

// Small things.

function isInfinite(value: unknown): boolean {
  return value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY;
}

/** Whether a value of JSON is null, or a word for it. */
export function isNull(value: unknown): boolean {
  return value === null || (value instanceof Bare && isNothing(value.text));
}

function allEqual(values: readonly unknown[]): boolean {
  return values.length === 1 || new Set(values.map((value) => JSON.stringify(value))).size === 1;
}

function setOwn(values: Members, name: string, value: unknown): void {
  Object.defineProperty(values, name, { value, enumerable: true, configurable: true, writable: true });
}
