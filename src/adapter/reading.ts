import { type Checked, checkOutputs, type FieldValues, type Problem } from "../signature/check.ts";
import { Broken } from "./broken.ts";
import { castJson, castText, isNull } from "./cast.ts";
import { type Found, isComplete } from "./found.ts";
import { mayBeGuarded, unguard } from "./guard.ts";
import type { Outline } from "./outline.ts";
import { beginsWithThoughts, type Candidate, candidatesIn } from "./thinking.ts";
import { isRecord, type View } from "./view.ts";

/** Looks for the outputs in a text. */
export type Finder = (text: string, outline: Outline) => Found | undefined;

/** How one adapter looks for the outputs. */
export interface Reader {
  /** In its own form. */
  readonly own: Finder;
  /** In what weak models make of it, where its own form is not there at all. */
  readonly loose?: Finder;
  /** In the forms of other adapters: only if nothing but the outputs is there. */
  readonly others: readonly Finder[];
  /** Whether markers were guarded in the prompt. */
  readonly guards: boolean;
}

/** Reads an answer: finds the outputs, casts them to their types, and has them checked. */
export function readAnswer(answer: string, outline: Outline, reader: Reader): Checked | Promise<Checked> {
  const found = directly(answer, outline, reader) ?? find(answer, outline, reader);
  const first = castAll(found, outline);
  const again = first.broken.size > 0 ? found?.again?.() : undefined;
  const { values, broken } = again === undefined ? first : castAll(again, outline);
  const isGuarded = reader.guards && mayBeGuarded(answer);
  const checked = checkOutputs(outline.signature, isGuarded ? (unguard(values) as FieldValues) : values);
  if (broken.size === 0) return checked;
  return checked instanceof Promise
    ? checked.then((own) => withBroken(own, broken))
    : withBroken(checked, broken);
}

/** An answer as it was asked for, without thoughts before it. */
function directly(answer: string, outline: Outline, { own }: Reader): Found | undefined {
  if (beginsWithThoughts(answer)) return undefined;
  const found = own(answer, outline);
  return found?.endsText && isComplete(found, outline) ? found : undefined;
}

function find(answer: string, outline: Outline, { own, loose, others }: Reader): Found | undefined {
  const candidates = candidatesIn(answer, outline.names);
  const inOwn = candidates.map((candidate) => search(candidate, own, outline));
  const whole = inOwn.find((found) => isComplete(found, outline));
  if (whole !== undefined) return whole;
  const part = inOwn.find((found) => found !== undefined);
  if (part !== undefined) return part;
  const likeliest = candidates[0]!;
  const inLoose = loose && search(likeliest, loose, outline);
  if (isComplete(inLoose, outline)) return inLoose;
  for (const other of others) {
    const found = search(likeliest, other, outline);
    if (isComplete(found, outline) && !found.hasOthers) return found;
  }
  return undefined;
}

function search({ text, mustEnd }: Candidate, finder: Finder, outline: Outline): Found | undefined {
  const found = finder(text, outline);
  return mustEnd && !found?.endsText ? undefined : found;
}

interface Cast {
  readonly values: FieldValues;
  readonly broken: ReadonlyMap<string, Broken>;
}

function castAll(found: Found | undefined, { outputs }: Outline): Cast {
  const values: Record<string, unknown> = {};
  const broken = new Map<string, Broken>();
  for (const { name, view, optional } of outputs) {
    const raw = found?.values.get(name);
    if (raw === undefined) continue;
    const value = cast(found!.kind, view, raw, name);
    if (!(value instanceof Broken)) values[name] = value;
    // A model that must name every output writes null for one that it leaves out.
    else if (!optional || !isNull(raw)) broken.set(name, value);
  }
  return { values, broken };
}

function cast(kind: Found["kind"], view: View, raw: unknown, name: string): unknown {
  if (raw instanceof Broken) return raw;
  if (kind === "text") {
    if (typeof raw === "string") return castText(view, raw);
    const items = view.kind === "array" ? (raw as string[]).map((item) => castText(view.items, item)) : [];
    return items.find((item) => item instanceof Broken) ?? items;
  }
  const value = castJson(view, raw);
  if (!(value instanceof Broken) || !isRecord(raw)) return value;
  // The field inside a field of its own name.
  const [inner, ...more] = Object.keys(raw);
  return inner === name && more.length === 0 ? castJson(view, raw[inner]) : value;
}

/** What could not be told or cast is a problem of its field, whatever the check made of its absence. */
function withBroken({ values, problems }: Checked, broken: ReadonlyMap<string, Broken>): Checked {
  const whole = Object.fromEntries(Object.entries(values).filter(([name]) => !broken.has(name)));
  const own = [...broken].map(([field, why]): Problem => {
    return { field, message: why.messageFor(field), missing: false };
  });
  return { values: whole, problems: [...own, ...problems.filter(({ field }) => !broken.has(field))] };
}
