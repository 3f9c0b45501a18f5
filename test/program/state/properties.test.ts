import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isTrunklineError } from "../../../src/core/errors.ts";
import { Module } from "../../../src/program/module.ts";
import { Predict } from "../../../src/program/predict.ts";
import { readJson } from "../../../src/program/state/json-text.ts";
import { applyState, stateOf } from "../../../src/program/state.ts";
import { Signature } from "../../../src/signature/signature.ts";
import { type FieldType, makeField } from "../../../src/signature/types.ts";

/** A predictor as data, so that the same one can be made again without what was tuned. */
interface Blank {
  readonly inputs: readonly [name: string, type: FieldType, optional: boolean][];
  readonly outputs: readonly [name: string, type: FieldType, optional: boolean][];
}

class Program extends Module {
  parts: Record<string, Predict<Signature<unknown, unknown>>>;
  constructor(blanks: readonly Blank[]) {
    super();
    this.parts = Object.fromEntries(blanks.map((blank, i) => [`part ${i}`, predictorOf(blank)]));
  }
  forward(): void {}
}

function predictorOf({ inputs, outputs }: Blank): Predict<Signature<unknown, unknown>> {
  const fields = (list: Blank["inputs"]) =>
    list.map(([name, type, optional]) => makeField(name, type, optional));
  return new Predict(new Signature({ instructions: "", inputs: fields(inputs), outputs: fields(outputs) }));
}

const types = fc.letrec<{ type: FieldType }>((tie) => ({
  type: fc.oneof(
    { maxDepth: 2 },
    fc.constantFrom<FieldType>(
      { kind: "string" },
      { kind: "int" },
      { kind: "object" },
      { kind: "literal", value: "it's" },
      { kind: "literal", value: -1.5 },
    ),
    tie("type").map((items): FieldType => ({ kind: "array", items })),
    tie("type").map((values): FieldType => ({ kind: "map", values })),
    tie("type").map(
      (type): FieldType => ({
        kind: "shape",
        members: [makeField("a", type, false), makeField("b", type, true)],
      }),
    ),
  ),
})).type;

const fieldNames = fc.uniqueArray(fc.stringMatching(/^[a-z][a-zA-Z0-9_]{0,8}$/), {
  minLength: 2,
  maxLength: 5,
});

const blanks: fc.Arbitrary<Blank> = fieldNames.chain((names) =>
  fc
    .tuple(
      fc.integer({ min: 1, max: names.length - 1 }),
      fc.array(fc.tuple(types, fc.boolean()), { minLength: 5, maxLength: 5 }),
    )
    .map(([cut, drawn]) => {
      const fields = names.map((name, i): Blank["inputs"][number] => [name, ...drawn[i]!]);
      return { inputs: fields.slice(0, cut), outputs: fields.slice(cut) };
    }),
);

/** Without -0, for which JSON has no word. */
const values = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as unknown);

/** What tuning gives a predictor. */
const tunings = fc.record({
  instructions: fc.string({ unit: "binary" }),
  descriptions: fc.array(fc.string(), { minLength: 5, maxLength: 5 }),
  demos: fc.array(fc.array(fc.option(values), { minLength: 5, maxLength: 5 }), { maxLength: 3 }),
  marks: fc.record({ augmented: fc.boolean(), dspy_uuid: fc.uuid() }, { requiredKeys: [] }),
  config: fc.record(
    {
      temperature: fc.integer({ min: 0, max: 2 }),
      stop: fc.array(fc.string()),
      extra: fc.dictionary(fc.string(), values),
    },
    { requiredKeys: [] },
  ),
});

type Tuning = typeof tunings extends fc.Arbitrary<infer T> ? T : never;

function tune(program: Program, list: readonly Tuning[]): void {
  for (const [i, [, predictor]] of program.namedPredictors().entries()) {
    const { instructions, descriptions, demos, marks, config } = list[i]!;
    const { signature } = predictor;
    let edited = (signature as Signature).withInstructions(instructions);
    const names = [...signature.inputs, ...signature.outputs].map(({ name }) => name);
    // A description of this form is how DSPy says that there is none.
    for (const [at, name] of names.entries()) {
      edited = edited.withUpdatedField(name, {
        description: descriptions[at]!.replaceAll("$", ""),
      }) as Signature;
    }
    predictor.signature = edited;
    predictor.demos = demos.map((values) => ({
      ...Object.fromEntries(names.flatMap((name, at) => (values[at] === null ? [] : [[name, values[at]]]))),
      ...marks,
    }));
    predictor.config = config as never;
  }
}

const programs = fc.array(fc.tuple(blanks, tunings), { minLength: 1, maxLength: 4 });
const textOf = (program: Program): string => JSON.stringify(stateOf(program));

describe("generated programs", () => {
  test("saved, written, read and loaded they are what they were", () => {
    fc.assert(
      fc.property(programs, (drawn) => {
        const shapes = drawn.map(([blank]) => blank);
        const program = new Program(shapes);
        tune(
          program,
          drawn.map(([, tuning]) => tuning),
        );
        const text = textOf(program);
        const fresh = new Program(shapes);
        applyState(fresh, readJson(text));
        expect(textOf(fresh)).toBe(text);
        for (const [i, [, predictor]] of fresh.namedPredictors().entries()) {
          const was = program.namedPredictors()[i]![1];
          expect(predictor.signature.equals(was.signature)).toBe(true);
          expect(predictor.demos).toEqual(was.demos);
          expect(predictor.config).toEqual(was.config);
        }
      }),
    );
  });

  test("of a file that was changed all is taken, or nothing", () => {
    const outcomes = { taken: 0, refused: 0 };
    fc.assert(
      fc.property(
        programs,
        fc.array(fc.tuple(fc.nat(), fc.nat(), fc.jsonValue()), { minLength: 1, maxLength: 3 }),
        (drawn, cuts) => {
          const shapes = drawn.map(([blank]) => blank);
          const program = new Program(shapes);
          tune(
            program,
            drawn.map(([, tuning]) => tuning),
          );
          const state = readJson(textOf(program));
          for (const [where, how, value] of cuts) mutate(state, where, how, value);
          const fresh = new Program(shapes);
          const before = textOf(fresh);
          try {
            applyState(fresh, state);
            outcomes.taken++;
            // What was taken is what the file says, so saving it again gives the same prompts.
            const told = state as Record<string, { signature: { instructions: string } }>;
            for (const [name, { signature }] of fresh.namedPredictors()) {
              expect(signature.instructions).toBe(told[name]!.signature.instructions);
            }
          } catch (error) {
            expect(isTrunklineError(error) && error.code).toBe("state");
            expect(textOf(fresh)).toBe(before);
            outcomes.refused++;
          }
        },
      ),
      { numRuns: 300 },
    );
    expect(outcomes.refused).toBeGreaterThan(100);
    expect(outcomes.taken).toBeGreaterThan(10);
  });
});

/** Drops, renames, adds or replaces a member, somewhere. */
function mutate(root: unknown, where: number, how: number, value: unknown): void {
  const objects = objectsIn(root);
  const object = objects[where % objects.length]!;
  const keys = Object.keys(object);
  const key = keys[where % Math.max(1, keys.length)] ?? "new";
  const set = (name: string, to: unknown): void => {
    Object.defineProperty(object, name, { value: to, enumerable: true, configurable: true, writable: true });
  };
  if (how % 4 === 0) delete object[key];
  else if (how % 4 === 1) set("added", value);
  else if (how % 4 === 2) {
    set(`${key}x`, object[key]);
    delete object[key];
  } else set(key, value);
}

function objectsIn(value: unknown): Record<string, unknown>[] {
  if (typeof value !== "object" || value === null) return [];
  const inside = Object.values(value).flatMap(objectsIn);
  return Array.isArray(value) ? inside : [value as Record<string, unknown>, ...inside];
}
