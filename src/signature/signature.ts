import { didYouMean, show } from "../core/check.ts";
import { TrunklineError } from "../core/errors.ts";
import { canonical } from "../core/json.ts";
import {
  type FieldSource,
  type GivenBy,
  type GivenType,
  type GotFrom,
  type GotType,
  readField,
  readFields,
  type TypeSource,
} from "./fields.ts";
import type { AnyFields, Flat } from "./infer.ts";
import { fieldsJson, typeJson } from "./json-schema.ts";
import { printFields } from "./print.ts";
import { checkParts } from "./rules.ts";
import { type Field, type FieldType, type JsonSchema, makeField, type SideName } from "./types.ts";

interface Parts {
  readonly instructions: string;
  readonly inputs: readonly Field[];
  readonly outputs: readonly Field[];
}

/** What `withUpdatedField` may change of a field. */
export interface FieldChange {
  readonly type?: TypeSource;
  readonly description?: string;
  readonly optional?: boolean;
}

/** The signature after more fields on one side; they stand before or after those that are there. */
type With<I, O, Side, F> = Side extends "inputs"
  ? Signature<Flat<I & GivenBy<F>>, O>
  : Signature<I, Flat<O & GotFrom<F>>>;

/** The signature after a change of one field. */
type Changed<I, O, N, C> = N extends keyof I
  ? Signature<ChangedField<I, N, C, C extends { type: infer T } ? GivenType<T> : I[N]>, O>
  : N extends keyof O
    ? Signature<I, ChangedField<O, N, C, C extends { type: infer T } ? GotType<T> : O[N]>>
    : never;

type ChangedField<R, N extends keyof R, C, T> = Flat<
  Omit<R, N> &
    (C extends { optional: infer B }
      ? B extends true
        ? { [K in N]?: T }
        : { [K in N]-?: Exclude<T, undefined> }
      : { [K in keyof Pick<R, N>]: T })
>;

/**
 * What a program takes and gives: instructions, inputs and outputs. A frozen value; every edit gives a new one.
 * Make one with `signature(...)`.
 */
export class Signature<out I = AnyFields, out O = AnyFields> {
  /** Only for the compiler: the types of the fields. */
  declare readonly "~types"?: { readonly inputs: I; readonly outputs: O };
  readonly instructions: string;
  readonly inputs: readonly Field[];
  readonly outputs: readonly Field[];
  #canonical: string | undefined;

  constructor({ instructions, inputs, outputs }: Parts) {
    checkParts(instructions, inputs, outputs);
    this.instructions = instructions;
    this.inputs = Object.freeze([...inputs]);
    this.outputs = Object.freeze([...outputs]);
    Object.freeze(this);
  }

  /** The same fields under other instructions. */
  withInstructions(instructions: string): Signature<I, O> {
    return new Signature({ ...this.#parts(), instructions });
  }

  /**
   * More fields at the end of a side.
   *
   * ```ts
   * const QA = signature("question -> answer");
   * const sure = QA.append("outputs", "confidence: number 'from 0 to 1'");
   * ```
   */
  append<const Side extends SideName, const F extends FieldSource>(
    side: Side,
    fields: F,
  ): With<I, O, Side, F> {
    return this.insert(side, -1, fields);
  }

  /** More fields at the start of a side. */
  prepend<const Side extends SideName, const F extends FieldSource>(
    side: Side,
    fields: F,
  ): With<I, O, Side, F> {
    return this.insert(side, 0, fields);
  }

  /** More fields at a place of a side; below 0 it counts from the end, -1 being behind the last. */
  insert<const Side extends SideName, const F extends FieldSource>(
    side: Side,
    index: number,
    fields: F,
  ): With<I, O, Side, F> {
    const old = this.#side(side);
    const at = index < 0 ? index + old.length + 1 : index;
    if (!Number.isInteger(at) || at < 0 || at > old.length) {
      throw new TrunklineError(
        "signature",
        `insert: expected a place from ${-old.length - 1} to ${old.length}, got ${show(index)}`,
      );
    }
    return this.#edited(side, old.toSpliced(at, 0, ...readFields(side, fields))) as With<I, O, Side, F>;
  }

  /** The signature without one field. */
  delete<N extends keyof I | keyof O>(name: N): Signature<Flat<Omit<I, N>>, Flat<Omit<O, N>>> {
    const { side, index } = this.#find(name as string, "delete");
    this.#mustStandAlone(this.#side(side)[index]!, "delete");
    return this.#edited(side, this.#side(side).toSpliced(index, 1)) as Signature<
      Flat<Omit<I, N>>,
      Flat<Omit<O, N>>
    >;
  }

  /**
   * The signature with one field changed.
   *
   * ```ts
   * const QA = signature("question -> answer");
   * const short = QA.withUpdatedField("answer", { description: "one word" });
   * const many = QA.withUpdatedField("answer", { type: "string[]" });
   * ```
   */
  // Through `this`, so that a signature of known fields is still one of any fields.
  withUpdatedField<A, B, N extends keyof A | keyof B, const C extends FieldChange>(
    this: Signature<A, B>,
    name: N,
    change: C,
  ): Changed<A, B, N, C> {
    const { side, index } = this.#find(name as string, "withUpdatedField");
    const old = this.#side(side)[index]!;
    if (change.type !== undefined || change.optional !== undefined) {
      this.#mustStandAlone(old, "withUpdatedField");
    }
    const base = change.type === undefined ? old : readField(side, old.name, change.type, old.optional);
    const field = makeField(
      old.name,
      base.type,
      change.optional ?? base.optional,
      change.description ?? base.description ?? old.description,
    );
    return this.#edited(side, this.#side(side).with(index, field)) as Changed<A, B, N, C>;
  }

  /** The JSON Schema of one side, as an object with its fields. */
  jsonSchema(side: SideName): JsonSchema {
    return fieldsJson(this.#side(side));
  }

  /** Whether the other has the same instructions and the same fields with the same types and descriptions. */
  equals(other: Signature<unknown, unknown>): boolean {
    return other === this || other.canonicalText === (this as Signature<I, O>).canonicalText;
  }

  /** One text for one signature, for keys and for comparison. */
  get canonicalText(): string {
    this.#canonical ??= canonical({
      instructions: this.instructions,
      inputs: this.inputs.map(plainField),
      outputs: this.outputs.map(plainField),
    });
    return this.#canonical;
  }

  /** The fields as a signature string, for people. */
  toString(): string {
    return `${printFields(this.inputs)} -> ${printFields(this.outputs)}`.trimStart();
  }

  #parts(): Parts {
    return { instructions: this.instructions, inputs: this.inputs, outputs: this.outputs };
  }

  #side(side: SideName): readonly Field[] {
    if (side === "inputs" || side === "outputs") return this[side];
    throw new TrunklineError("signature", `expected "inputs" or "outputs", got ${show(side)}`);
  }

  #edited(side: SideName, fields: readonly Field[]): unknown {
    return new Signature({ ...this.#parts(), [side]: fields });
  }

  #find(name: string, act: string): { readonly side: SideName; readonly index: number } {
    for (const side of ["inputs", "outputs"] as const) {
      const index = this[side].findIndex((field) => field.name === name);
      if (index !== -1) return { side, index };
    }
    const known = [...this.inputs, ...this.outputs].map((field) => field.name);
    throw new TrunklineError("signature", `${act}: no field ${show(name)}; ${didYouMean(name, known)}`);
  }

  #mustStandAlone({ name, type }: Field, act: string): void {
    if (type.kind !== "schema" || !type.whole) return;
    throw new TrunklineError(
      "signature",
      `${act}: ${show(name)} belongs to a schema that checks its whole side; give that side as a record of schemas to edit its fields one by one`,
    );
  }
}

function plainField({ name, type, optional, description }: Field): Record<string, unknown> {
  return { name, type: typeJson(type), kind: kindOfMedia(type), optional, description };
}

/** Media and conversations are told apart from objects that look alike. */
function kindOfMedia({ kind }: FieldType): string | undefined {
  return kind === "image" || kind === "file" || kind === "history" ? kind : undefined;
}
