import type { StandardSchemaV1 } from "@standard-schema/spec";
import { show } from "../core/check.ts";
import { TrunklineError } from "../core/errors.ts";
import { kindOf, mismatch, ownMember, step } from "./check-value.ts";
import type { Signature } from "./signature.ts";
import type { Field, SchemaType, StandardSchema } from "./types.ts";

/** Values by field name. */
export type FieldValues = Readonly<Record<string, unknown>>;

/** What is wrong with one field. */
export interface Problem {
  /** The field, or empty when a schema of a whole side does not say which. */
  readonly field: string;
  /** What is wrong, with the place; without the value itself. */
  readonly message: string;
  readonly missing: boolean;
}

/** The values that are right, by field, and what is wrong with the others. */
export interface Checked {
  readonly values: FieldValues;
  readonly problems: readonly Problem[];
}

/**
 * The inputs that the signature names, checked; others are left out. What a schema transforms stays as it was
 * given, because that is what the prompt shows. A promise only where a schema's own check is one.
 */
export function checkInputs(
  signature: Signature<unknown, unknown>,
  inputs: unknown,
): FieldValues | Promise<FieldValues> {
  if (typeof inputs !== "object" || inputs === null || Array.isArray(inputs)) {
    throw new TrunklineError(
      "signature",
      `inputs: expected an object (${names(signature.inputs)}), got ${kindOf(inputs)}`,
    );
  }
  const given = inputs as FieldValues;
  const decide = ({ values, problems }: Checked): FieldValues => {
    if (problems.length === 0) return values;
    const came = problems.some(({ missing }) => missing) ? `; given: ${namesGiven(given)}` : "";
    throw new TrunklineError("signature", `inputs: ${describe(problems)}${came}`);
  };
  const checked = new Check("inputs", signature.inputs, given).run();
  return checked instanceof Promise ? checked.then(decide) : decide(checked);
}

/**
 * The outputs of an answer, checked: what the caller gets, schemas' results included, and what is wrong. One that
 * is absent becomes null where its type allows it.
 */
export function checkOutputs(
  signature: Signature<unknown, unknown>,
  outputs: FieldValues,
): Checked | Promise<Checked> {
  return new Check("outputs", signature.outputs, outputs).run();
}

/** Problems as one line. */
export function describe(problems: readonly Problem[]): string {
  return problems.map(({ message }) => message).join("; ");
}

/** One check of one side. */
class Check {
  readonly #side: "inputs" | "outputs";
  readonly #fields: readonly Field[];
  readonly #given: FieldValues;
  readonly #values: Record<string, unknown> = {};
  readonly #problems: Problem[] = [];
  #waits: Promise<void>[] | undefined;

  constructor(side: "inputs" | "outputs", fields: readonly Field[], given: FieldValues) {
    this.#side = side;
    this.#fields = fields;
    this.#given = given;
  }

  run(): Checked | Promise<Checked> {
    const wholes = new Map<StandardSchema, Field[]>();
    for (const field of this.#fields) {
      if (field.type.kind !== "schema") this.#plain(field);
      else if (!field.type.whole) this.#bySchema(field, field.type);
      else if (!wholes.get(field.type.schema)?.push(field)) wholes.set(field.type.schema, [field]);
    }
    for (const [schema, fields] of wholes) this.#byWhole(schema, fields);
    const checked: Checked = { values: this.#values, problems: this.#problems };
    return this.#waits === undefined ? checked : Promise.all(this.#waits).then(() => checked);
  }

  #plain({ name, type, optional, nullable }: Field): void {
    const value = ownMember(this.#given, name);
    const isOutput = this.#side === "outputs";
    if (value === undefined) {
      if (optional) return;
      if (isOutput && nullable) this.#values[name] = null;
      else this.#missing(name);
      return;
    }
    // A model that must name every field writes null for one that it leaves out.
    if (value === null && isOutput && optional && !nullable) return;
    const found = mismatch(type, value);
    if (found === undefined) this.#values[name] = value;
    else this.#wrong(name, `${name}${found.path}: expected ${found.expected}, got ${found.got}`);
  }

  #bySchema({ name }: Field, { schema }: SchemaType): void {
    const value = ownMember(this.#given, name);
    this.#validate(schema, value, (result) => {
      if (result.issues === undefined) this.#keep(name, value, result.value);
      else if (value === undefined) this.#missing(name);
      else this.#wrong(name, issueText(name, value, result.issues[0]));
    });
  }

  #byWhole(schema: StandardSchema, fields: readonly Field[]): void {
    const given: Record<string, unknown> = {};
    for (const { name } of fields) {
      const value = ownMember(this.#given, name);
      if (value !== undefined) given[name] = value;
    }
    this.#validate(schema, given, (result) => {
      if (result.issues !== undefined) {
        this.#wholeProblems(fields, given, result.issues);
        return;
      }
      const results = result.value as FieldValues;
      for (const { name } of fields) this.#keep(name, given[name], results[name]);
    });
  }

  #wholeProblems(
    fields: readonly Field[],
    given: FieldValues,
    issues: readonly StandardSchemaV1.Issue[],
  ): void {
    const seen = new Set<string>();
    for (const issue of issues) {
      const [first, ...rest] = issue.path ?? [];
      const name = first === undefined ? "" : String(keyOf(first));
      if (seen.has(name)) continue;
      seen.add(name);
      if (!fields.some((field) => field.name === name)) {
        this.#wrong("", issueText(this.#side, given, issue));
      } else if (given[name] === undefined) {
        this.#missing(name);
      } else {
        this.#wrong(name, issueText(name, given[name], { ...issue, path: rest }));
      }
    }
  }

  /** What the prompt shows of an input is what was given, or what the schema puts in its place. */
  #keep(name: string, given: unknown, result: unknown): void {
    const value = this.#side === "inputs" && given !== undefined ? given : result;
    if (value !== undefined) this.#values[name] = value;
  }

  #validate(
    schema: StandardSchema,
    value: unknown,
    take: (result: StandardSchemaV1.Result<unknown>) => void,
  ): void {
    try {
      const result = schema["~standard"].validate(value);
      if (result instanceof Promise) {
        this.#waits ??= [];
        this.#waits.push(result.then(take, (error) => this.#threw(schema, error)));
      } else {
        take(result);
      }
    } catch (error) {
      this.#threw(schema, error);
    }
  }

  #threw(schema: StandardSchema, cause: unknown): never {
    throw new TrunklineError(
      "signature",
      `${this.#side}: a check of a ${schema["~standard"].vendor} schema threw`,
      {
        cause,
      },
    );
  }

  #missing(field: string): void {
    this.#problems.push({ field, message: `${show(field)} is missing`, missing: true });
  }

  #wrong(field: string, message: string): void {
    this.#problems.push({ field, message, missing: false });
  }
}

function keyOf(segment: PropertyKey | StandardSchemaV1.PathSegment): PropertyKey {
  return typeof segment === "object" ? segment.key : segment;
}

/** What a library says of a value, with the place, and without the value, which some libraries quote. */
function issueText(name: string, value: unknown, issue: StandardSchemaV1.Issue | undefined): string {
  let at = value;
  let place = name;
  for (const segment of issue?.path ?? []) {
    const key = keyOf(segment);
    place += step(key);
    at = typeof at === "object" && at !== null ? (at as Record<PropertyKey, unknown>)[key] : undefined;
  }
  return `${place}: ${withoutValue(issue?.message ?? "does not fit its schema", at)}`;
}

function withoutValue(message: string, value: unknown): string {
  if (value === undefined || value === null) return message;
  let text = message;
  for (const form of new Set([quoted(value), String(typeof value === "object" ? "" : value)])) {
    // Short bare texts are left: they would take letters out of the words around them.
    if (form.length >= (form === quoted(value) ? 1 : 8)) text = replaceWhole(text, form, "(the value)");
  }
  return text;
}

function quoted(value: unknown): string {
  try {
    return JSON.stringify(value) ?? "";
  } catch {
    return "";
  }
}

/** Replaces `form` where it stands by itself, not inside a longer word or number. */
function replaceWhole(text: string, form: string, by: string): string {
  return text.split(form).reduce((left, right) => {
    const goesOn = (/[\w.]$/.test(left) && /^\w/.test(form)) || (/^\w/.test(right) && /\w$/.test(form));
    return `${left}${goesOn ? form : by}${right}`;
  });
}

function names(fields: readonly Field[]): string {
  return fields.map(({ name }) => name).join(", ") || "no fields";
}

function namesGiven(given: FieldValues): string {
  const keys = Object.keys(given);
  return `${keys.slice(0, 8).join(", ") || "nothing"}${keys.length > 8 ? ", ..." : ""}`;
}
