import { canonical } from "../core/json.ts";
import { kindOf, step } from "../signature/check-value.ts";
import type { JsonSchema } from "../signature/types.ts";

/** What is wrong, and where below the value: empty, or like `.name` and `[2]`. */
interface Fault {
  readonly path: string;
  readonly text: string;
}

/** One look at one value: the root that references are to, and the steps that are left. */
interface Look {
  readonly root: JsonSchema;
  steps: number;
}

/** Where a keyword stands. */
interface Place {
  readonly schema: JsonSchema;
  readonly look: Look;
  readonly depth: number;
}

/** One keyword of JSON Schema; a rule of the wrong form says nothing. */
type Keyword = (rule: unknown, value: unknown, place: Place) => Fault | undefined;

type Members = Readonly<Record<string, unknown>>;

/** More than any honest schema asks for: guards against references that go round, and that branch while they do. */
const maxDepth = 100;
const maxSteps = 50_000;

const isObject = (value: unknown): value is Members =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const types: Readonly<Record<string, { readonly name: string; readonly test: (value: unknown) => boolean }>> =
  {
    string: { name: "a string", test: (value) => typeof value === "string" },
    number: { name: "a number", test: Number.isFinite },
    integer: { name: "a whole number", test: Number.isInteger },
    boolean: { name: "true or false", test: (value) => typeof value === "boolean" },
    object: { name: "an object", test: isObject },
    array: { name: "a list", test: Array.isArray },
    null: { name: "null", test: (value) => value === null },
  };

const isString = (value: unknown): value is string => typeof value === "string";
const fault = (text: string): Fault => ({ path: "", text });
const at = (key: PropertyKey, found: Fault | undefined): Fault | undefined =>
  found && { ...found, path: `${step(key)}${found.path}` };
const expected = (what: string, value: unknown): Fault => fault(`expected ${what}, got ${kindOf(value)}`);

/** A keyword that limits the numbers, texts or lists that `size` knows, and no other values. */
const limit =
  (
    size: (value: unknown) => number | undefined,
    within: (size: number, rule: number) => boolean,
    words: string,
  ): Keyword =>
  (rule, value) => {
    const came = size(value);
    if (typeof rule !== "number" || came === undefined || within(came, rule)) return undefined;
    return fault(`expected ${words} ${rule}`);
  };

const numberOf = (value: unknown): number | undefined => (typeof value === "number" ? value : undefined);
const lengthOf = (value: unknown): number | undefined =>
  typeof value === "string" ? [...value].length : undefined;
const countOf = (value: unknown): number | undefined => (Array.isArray(value) ? value.length : undefined);

/** 19.99 is a multiple of 0.01, although its quotient is 1998.9999999999998. */
const isMultiple = (value: number, of: number): boolean => {
  const times = value / of;
  return Math.abs(times - Math.round(times)) <= Math.abs(times) * Number.EPSILON * 4;
};

const keywords: Readonly<Record<string, Keyword>> = {
  type(rule, value, { schema }) {
    const names = (Array.isArray(rule) ? rule : [rule])
      .filter(isString)
      .filter((name) => Object.hasOwn(types, name));
    if (names.length === 0 || names.some((name) => types[name]!.test(value))) return undefined;
    if (value === null && schema.nullable === true) return undefined;
    return expected(names.map((name) => types[name]!.name).join(" or "), value);
  },
  enum(rule, value) {
    if (!Array.isArray(rule) || rule.some((item) => same(item, value))) return undefined;
    return fault(`expected one of ${shorten(JSON.stringify(rule))}`);
  },
  const: (rule, value) =>
    same(rule, value) ? undefined : fault(`expected ${shorten(JSON.stringify(rule))}`),
  minimum: limit(numberOf, (came, rule) => came >= rule, "a number of at least"),
  maximum: limit(numberOf, (came, rule) => came <= rule, "a number of at most"),
  exclusiveMinimum: limit(numberOf, (came, rule) => came > rule, "a number above"),
  exclusiveMaximum: limit(numberOf, (came, rule) => came < rule, "a number below"),
  multipleOf: limit(numberOf, isMultiple, "a multiple of"),
  minLength: limit(lengthOf, (came, rule) => came >= rule, "characters: at least"),
  maxLength: limit(lengthOf, (came, rule) => came <= rule, "characters: at most"),
  minItems: limit(countOf, (came, rule) => came >= rule, "items: at least"),
  maxItems: limit(countOf, (came, rule) => came <= rule, "items: at most"),
  pattern(rule, value) {
    const pattern = typeof value === "string" ? patternOf(rule) : undefined;
    if (pattern === undefined || pattern.test(value as string)) return undefined;
    return fault(`expected a text that matches ${shorten(String(pattern))}`);
  },
  required(rule, value) {
    if (!isObject(value) || !Array.isArray(rule)) return undefined;
    const missing = rule.filter(isString).filter((name) => !Object.hasOwn(value, name));
    return missing.length === 0 ? undefined : fault(`missing: ${shorten(missing.join(", "))}`);
  },
  properties(rule, value, place) {
    if (!isObject(value) || !isObject(rule)) return undefined;
    return first(Object.keys(rule), (name) =>
      Object.hasOwn(value, name) ? at(name, below(rule[name], value[name], place)) : undefined,
    );
  },
  patternProperties(rule, value, place) {
    if (!isObject(value) || !isObject(rule)) return undefined;
    return first(Object.entries(rule), ([pattern, schema]) =>
      first(Object.keys(value), (name) =>
        patternOf(pattern)?.test(name) ? at(name, below(schema, value[name], place)) : undefined,
      ),
    );
  },
  additionalProperties(rule, value, place) {
    if (!isObject(value)) return undefined;
    const { properties, patternProperties } = place.schema;
    const named = isObject(properties) ? properties : {};
    const patterns = Object.keys(isObject(patternProperties) ? patternProperties : {}).map(patternOf);
    const others = Object.keys(value).filter(
      (name) => !Object.hasOwn(named, name) && !patterns.some((pattern) => pattern?.test(name)),
    );
    if (rule !== false) return first(others, (name) => at(name, below(rule, value[name], place)));
    if (others.length === 0) return undefined;
    const known = Object.keys(named).join(", ") || "none";
    return fault(`unknown: ${shorten(others.join(", "))}; known are: ${shorten(known)}`);
  },
  prefixItems: (rule, value, place) =>
    Array.isArray(rule) && Array.isArray(value)
      ? first(rule.slice(0, value.length).entries(), ([i, schema]) => at(i, below(schema, value[i], place)))
      : undefined,
  items(rule, value, place) {
    if (!Array.isArray(value)) return undefined;
    const { prefixItems } = place.schema;
    const start = Array.isArray(prefixItems) ? prefixItems.length : 0;
    return first(value.entries(), ([i, item]) => (i < start ? undefined : at(i, below(rule, item, place))));
  },
  allOf: (rule, value, place) =>
    Array.isArray(rule) ? first(rule, (schema) => also(schema, value, place)) : undefined,
  anyOf: (rule, value, place) => alternatives(rule, value, place, (fits) => fits > 0),
  oneOf: (rule, value, place) => alternatives(rule, value, place, (fits) => fits === 1),
  $ref(rule, value, place) {
    const target = typeof rule === "string" ? resolve(rule, place.look.root) : undefined;
    return target === undefined ? undefined : also(target, value, place);
  },
};

/**
 * What keeps a value from fitting a JSON Schema, in words with its place, or undefined. It looks at `type`, `enum`,
 * `const`, `properties`, `required`, `additionalProperties`, `patternProperties`, `items`, `prefixItems`, `anyOf`,
 * `oneOf`, `allOf`, `$ref` within the schema, `pattern` and the limits of numbers, lengths and lists; what other
 * keywords ask (`format`, `not`, `if`) is left to the tool.
 */
export function schemaFault(schema: JsonSchema, value: unknown, root = schema): string | undefined {
  const found = check(schema, value, { root, steps: maxSteps }, 0);
  if (found === undefined) return undefined;
  return found.path === "" ? found.text : `${found.path.replace(/^\./, "")}: ${found.text}`;
}

function check(schema: unknown, value: unknown, look: Look, depth: number): Fault | undefined {
  if (schema === false) return fault("expected nothing here");
  if (!isObject(schema)) return undefined;
  if (depth > maxDepth || look.steps-- <= 0) return fault("its schema goes too deep");
  const place: Place = { schema, look, depth };
  return first(Object.keys(schema), (name) =>
    Object.hasOwn(keywords, name) ? keywords[name]!(schema[name], value, place) : undefined,
  );
}

/** Holds a part of the value against a part of the schema. */
const below = (schema: unknown, part: unknown, { look, depth }: Place): Fault | undefined =>
  check(schema, part, look, depth + 1);

/** Holds the same value against one more schema. */
const also = (schema: unknown, value: unknown, { look, depth }: Place): Fault | undefined =>
  check(schema, value, look, depth + 1);

function alternatives(
  rule: unknown,
  value: unknown,
  place: Place,
  enough: (fits: number) => boolean,
): Fault | undefined {
  if (!Array.isArray(rule)) return undefined;
  const faults = rule.map((schema) => also(schema, value, place));
  const fits = faults.filter((found) => found === undefined).length;
  if (enough(fits)) return undefined;
  if (fits > 0) return fault(`fits ${fits} of the alternatives, expected exactly one`);
  const reasons = faults.map((found) => `${found!.path} ${found!.text}`.trim());
  return fault(`fits none of the alternatives (${shorten([...new Set(reasons)].join("; "))})`);
}

/** What a reference within the schema means; one to another document says nothing here. */
function resolve(ref: string, root: JsonSchema): unknown {
  if (!ref.startsWith("#")) return undefined;
  let target: unknown = root;
  for (const part of ref.slice(1).split("/").slice(1)) {
    const name = part.replaceAll("~1", "/").replaceAll("~0", "~");
    if (typeof target !== "object" || target === null || !Object.hasOwn(target, name)) return undefined;
    target = (target as Members)[name];
  }
  return target;
}

function patternOf(rule: unknown): RegExp | undefined {
  try {
    return typeof rule === "string" ? new RegExp(rule, "u") : undefined;
  } catch {
    return undefined;
  }
}

function same(a: unknown, b: unknown): boolean {
  return a === b || (typeof a === "object" && typeof b === "object" && canonical(a) === canonical(b));
}

function first<T>(items: Iterable<T>, find: (item: T) => Fault | undefined): Fault | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

function shorten(text: string): string {
  return text.length > 300 ? `${text.slice(0, 300)}...` : text;
}
