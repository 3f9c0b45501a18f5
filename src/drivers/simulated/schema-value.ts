import { isObject } from "../../wire/json-value.ts";
import { word } from "./prose.ts";

type Schema = Readonly<Record<string, unknown>>;
type Random = () => number;

/** From here on only what a schema demands is made, so that a recursive one ends. */
const leanDepth = 4;
const maxDepth = 32;

/**
 * A value that fits a JSON Schema: types, enums, constants, bounds, alternatives, references within the schema
 * and the common formats. `pattern`, `not` and conditions are read over.
 */
export function valueFor(schema: Schema, random: Random): unknown {
  return new Maker(schema, random).make(schema, 0);
}

class Maker {
  readonly #root: Schema;
  readonly #random: Random;

  constructor(root: Schema, random: Random) {
    this.#root = root;
    this.#random = random;
  }

  make(given: unknown, depth: number): unknown {
    const schema = this.#resolve(given);
    if (depth > maxDepth) return null;
    if ("const" in schema) return schema.const;
    if (isList(schema.enum)) return this.#pick(schema.enum);
    const alternatives = schema.anyOf ?? schema.oneOf;
    if (isList(alternatives)) return this.make(this.#alternative(alternatives, depth), depth + 1);
    return makers[typeOf(schema, depth)]({
      schema,
      random: this.#random,
      lean: depth >= leanDepth,
      inner: (part) => this.make(part, depth + 1),
    });
  }

  #pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.#random() * list.length)]!;
  }

  /** Any of them; deep down the one that ends soonest. */
  #alternative(list: readonly unknown[], depth: number): unknown {
    if (depth < leanDepth) return this.#pick(list);
    const simple = list.find((part) => {
      const type = typeOf(this.#resolve(part), depth);
      return type !== "object" && type !== "array";
    });
    return simple ?? list[0];
  }

  /** Follows references, and merges `allOf` into one schema. */
  #resolve(given: unknown): Schema {
    let schema = asSchema(given);
    for (let hops = 0; typeof schema.$ref === "string" && hops < maxDepth; hops++) {
      schema = asSchema(this.#lookUp(schema.$ref));
    }
    if (!isList(schema.allOf)) return schema;
    const { allOf, ...own } = schema;
    return allOf.map((part) => this.#resolve(part)).reduce(merge, own);
  }

  /** `#/$defs/name`, by its path. */
  #lookUp(reference: string): unknown {
    let place: unknown = this.#root;
    for (const step of reference.split("/").slice(1)) {
      const name = decodeURIComponent(step).replaceAll("~1", "/").replaceAll("~0", "~");
      place = isObject(place) && Object.hasOwn(place, name) ? place[name] : undefined;
    }
    return place;
  }
}

interface Making {
  readonly schema: Schema;
  readonly random: Random;
  /** Only what the schema demands. */
  readonly lean: boolean;
  readonly inner: (schema: unknown) => unknown;
}

const makers = {
  object({ schema, lean, inner }: Making): unknown {
    const properties = isObject(schema.properties) ? schema.properties : {};
    const required = isList(schema.required) ? schema.required.map(String) : [];
    const value: Record<string, unknown> = {};
    for (const name of new Set([...Object.keys(properties), ...required])) {
      if (lean && !required.includes(name)) continue;
      const part = Object.hasOwn(properties, name) ? properties[name] : {};
      Object.defineProperty(value, name, {
        value: inner(part),
        enumerable: true,
        configurable: true,
        writable: true,
      });
    }
    return value;
  },
  array({ schema, random, lean, inner }: Making): unknown {
    const fixed = isList(schema.prefixItems) ? schema.prefixItems : [];
    const least = Math.max(count(schema.minItems, 0), fixed.length);
    const most = Math.max(least, Math.min(count(schema.maxItems, 3), 3));
    const wanted = lean ? least : least + Math.floor(random() * (Math.max(most, least || 1) - least + 1));
    const length = Math.min(wanted, count(schema.maxItems, wanted));
    return Array.from({ length }, (_, i) => inner(fixed[i] ?? schema.items ?? {}));
  },
  string({ schema, random }: Making): unknown {
    const format = typeof schema.format === "string" ? formats.get(schema.format) : undefined;
    if (format !== undefined) return format;
    const least = count(schema.minLength, 0);
    let text = word(random);
    while (text.length < least) text += ` ${word(random)}`;
    return text.slice(0, count(schema.maxLength, text.length));
  },
  number({ schema, random }: Making): unknown {
    const { low, high } = bounds(schema, 0);
    const step = numberOr(schema.multipleOf, 0);
    const value = low + (high - low) * random();
    return step > 0
      ? onGrid(value, step, low, high)
      : Math.min(high, Math.max(low, Math.round(value * 100) / 100));
  },
  integer({ schema, random }: Making): unknown {
    const { low, high } = bounds(schema, 1);
    const step = Math.max(1, numberOr(schema.multipleOf, 1));
    return onGrid(low + Math.floor((high - low + 1) * random()), step, low, high);
  },
  boolean: ({ random }: Making): unknown => random() < 0.5,
  null: (): unknown => null,
} satisfies Record<string, (making: Making) => unknown>;

const formats: ReadonlyMap<string, string> = new Map([
  ["date", "2026-01-15"],
  ["time", "12:30:00Z"],
  ["date-time", "2026-01-15T12:30:00Z"],
  ["email", "someone@example.test"],
  ["uri", "https://example.test/"],
  ["uuid", "123e4567-e89b-42d3-a456-426614174000"],
  ["ipv4", "192.0.2.1"],
]);

/** The type to make: the one that is named, the last of several when lean (null, as a rule), or what is implied. */
function typeOf(schema: Schema, depth: number): keyof typeof makers {
  const named = isList(schema.type)
    ? schema.type[depth < leanDepth ? 0 : schema.type.length - 1]
    : schema.type;
  if (typeof named === "string" && Object.hasOwn(makers, named)) return named as keyof typeof makers;
  if (schema.properties !== undefined || schema.required !== undefined) return "object";
  return schema.items !== undefined || schema.prefixItems !== undefined ? "array" : "string";
}

/** The least and greatest value allowed; `nudge` is how far an exclusive bound lies from its neighbour. */
function bounds(schema: Schema, nudge: number): { low: number; high: number } {
  const inside = nudge || 0.01;
  const low = Math.max(
    numberOr(schema.minimum, Number.NEGATIVE_INFINITY),
    numberOr(schema.exclusiveMinimum, Number.NEGATIVE_INFINITY) + inside,
  );
  const high = Math.min(
    numberOr(schema.maximum, Number.POSITIVE_INFINITY),
    numberOr(schema.exclusiveMaximum, Number.POSITIVE_INFINITY) - inside,
  );
  const from = Number.isFinite(low) ? low : Number.isFinite(high) ? high - 100 : 0;
  const to = Number.isFinite(high) ? high : from + 100;
  return nudge === 1 ? { low: Math.ceil(from), high: Math.floor(to) } : { low: from, high: to };
}

/** The multiple of `step` nearest below `value` that lies within the bounds. */
function onGrid(value: number, step: number, low: number, high: number): number {
  const first = Math.ceil(low / step);
  const last = Math.floor(high / step);
  return Math.min(last, Math.max(first, Math.floor(value / step))) * step;
}

function merge(a: Schema, b: Schema): Schema {
  return {
    ...a,
    ...b,
    ...(isObject(a.properties) &&
      isObject(b.properties) && { properties: { ...a.properties, ...b.properties } }),
    ...(isList(a.required) && isList(b.required) && { required: [...a.required, ...b.required] }),
  };
}

const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value);
const asSchema = (value: unknown): Schema => (isObject(value) ? value : {});
const numberOr = (value: unknown, otherwise: number): number =>
  typeof value === "number" ? value : otherwise;
const count = (value: unknown, otherwise: number): number => Math.max(0, numberOr(value, otherwise));
