import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { isTrunklineError } from "../../../src/core/errors.ts";
import { Example } from "../../../src/evaluate/example.ts";
import { LM } from "../../../src/lm/lm.ts";
import { ChainOfThought } from "../../../src/program/chain-of-thought.ts";
import { Module } from "../../../src/program/module.ts";
import { Predict } from "../../../src/program/predict.ts";
import { ReAct } from "../../../src/program/react.ts";
import { applyState, type ProgramState, stateOf } from "../../../src/program/state.ts";
import { signature } from "../../../src/signature/make.ts";
import { file, image } from "../../../src/signature/media.ts";
import { Pipeline, programs } from "./programs.ts";

/** A state as it comes from a file, to be changed at will. */
// biome-ignore lint/suspicious/noExplicitAny: a test reaches anywhere into it.
type Editable = any;
const editable = (state: ProgramState): Editable => JSON.parse(JSON.stringify(state));

/** The message of a refusal, after which the program is as it was. */
function refusal(program: Module, state: unknown): string {
  const before = editable(stateOf(program));
  try {
    applyState(program, state);
  } catch (error) {
    expect(isTrunklineError(error) && error.code).toBe("state");
    expect(editable(stateOf(program))).toEqual(before);
    return (error as Error).message;
  }
  throw new Error("it was taken");
}

/** The state of a pipeline whose every part was tuned. */
function tuned(): Editable {
  const program = new Pipeline();
  for (const [name, predictor] of program.namedPredictors()) {
    predictor.signature = predictor.signature.withInstructions(`Tuned: ${name}`);
    predictor.demos = [{ [predictor.signature.inputs[0]!.name]: `an input of ${name}` }];
  }
  return editable(stateOf(program));
}

test("R114: a tuned program saves to plain JSON and loads again", () => {
  const program = new Predict("question -> answer: int", { temperature: 0.5, stop: ["\n"] });
  program.signature = program.signature
    .withInstructions("Count.")
    .withUpdatedField("answer", { description: "a number" }) as never;
  program.demos = [{ question: "How many?", answer: 2, augmented: true }];
  const state = editable(
    stateOf(program, { models: { self: "openai/gpt-4o-mini" }, provenance: { score: 0.83 } }),
  );

  const fresh = new Predict("question -> answer: int");
  const origin = applyState(fresh, state);
  expect(fresh.signature.equals(program.signature)).toBe(true);
  expect(fresh.demos).toEqual(program.demos);
  expect(fresh.config).toEqual({ temperature: 0.5, stop: ["\n"] });
  expect(origin).toEqual({
    writer: "trunkline",
    models: { self: "openai/gpt-4o-mini" },
    provenance: { score: 0.83 },
    leftOut: {},
  });
  expect(editable(stateOf(fresh, origin))).toEqual(state);
});

test("the file in docs/state.md is what is written", () => {
  const page = readFileSync(new URL("../../../docs/state.md", import.meta.url), "utf8");
  const shown = JSON.parse(/^```json\n(.*?)^```$/ms.exec(page)![1]!);
  class Pipeline extends Module {
    judge = new Predict("facts: string[], question -> verdict: boolean");
    forward(): void {}
  }
  const program = new Pipeline();
  const origin = applyState(program, shown);
  expect(editable(stateOf(program, origin))).toEqual(shown);
});

test("what a description said is gone where the file says none, and comes where it says one", () => {
  const state = editable(stateOf(new Predict("question 'as asked' -> answer")));
  const other = new Predict("question -> answer 'short'");
  applyState(other, state);
  expect(other.signature.toString()).toBe("question: string 'as asked' -> answer: string");
});

describe("a state of another program", () => {
  test("missing and extra predictors are all listed", () => {
    const state = tuned();
    for (const at of ["qa.predict", "tools['a']"]) {
      delete state[at];
      delete state.trunkline.predictors[at];
    }
    state.renamed = state["steps[0]"];
    state.trunkline.predictors.renamed = state.trunkline.predictors["steps[0]"];
    expect(refusal(new Pipeline(), state)).toBe(
      [
        "the state does not fit Pipeline; nothing was changed",
        '  - the file has the predictor "renamed", the program has not',
        '  - the program has the predictor "qa.predict", the file has not',
        "  - the program has the predictor \"tools['a']\", the file has not",
      ].join("\n"),
    );
  });

  test.each([
    [
      "question, context -> answer",
      ["the inputs stand in another order: context, question in the file, question, context in the program"],
    ],
    [
      "context, question -> answer: int",
      ['the output is "answer: string" in the file, "answer: int" in the program'],
    ],
    [
      "context?, question -> answer",
      ['the input is "context: string" in the file, "context?: string" in the program'],
    ],
    [
      "ctx, question -> answer",
      [
        'the file has the input "context: string", the program has not',
        'the program has the input "ctx: string", the file has not',
      ],
    ],
    [
      "question -> answer, context",
      [
        'the file has the input "context: string", the program has not',
        'the program has the output "context: string", the file has not',
      ],
    ],
  ])("changed fields: %s", (text, lines) => {
    const message = refusal(new Predict(text), stateOf(new Predict("context, question -> answer")));
    expect(message.split("\n  - ").slice(1)).toEqual(lines.map((line) => `"self": ${line}`));
  });

  test("without our key: another number of fields, another order, or another name in a placeholder", () => {
    const { trunkline: _, ...state } = editable(
      stateOf(new Predict("context 'found', question 'asked' -> answer")),
    );
    expect(refusal(new Predict("question -> answer"), state)).toContain(
      '"self": 3 fields in the file ("Context:", "Question:", "Answer:"), 2 in the program (question, answer)',
    );
    expect(refusal(new Predict("question, context -> answer"), state)).toContain(
      '"self": field 1 is "context" in the file, "question" in the program',
    );
    expect(refusal(new Predict("context, question -> reply"), state)).toContain(
      '"self": field 3 is "answer" in the file, "reply" in the program',
    );
    // A prefix that was chosen by hand says nothing.
    state.signature.fields[0].prefix = "Facts:";
    applyState(new Predict("context, question -> answer"), state);
  });

  test("demos with fields that the signature has not", () => {
    const state = editable(stateOf(new Predict("question -> answer")));
    state.demos = [
      { question: "a" },
      { question: "b", reply: "c", extra: 1, augmented: true, dspy_uuid: "1" },
    ];
    expect(refusal(new Predict("question -> answer"), state)).toContain(
      '"self": demos[1] has "reply", "extra", which its signature has not',
    );
    delete state.trunkline;
    expect(refusal(new Predict("question -> answer"), state)).toContain("demos[1] has");
  });

  test("a predictor alone and a program are told apart", () => {
    expect(refusal(new Pipeline(), stateOf(new Predict("question -> answer")))).toContain(
      "the file holds a predictor alone, not a program with",
    );
    expect(
      refusal(new Predict("question -> answer"), stateOf(new ChainOfThought("question -> answer"))),
    ).toContain('the file holds a program with "predict", not a predictor alone');
  });

  test("of very many differences the first are said, and how many more", () => {
    const state = editable(stateOf(new Predict("question -> answer")));
    state.demos = Array.from({ length: 500 }, () => ({ "a\nname": 1, augmented: true }));
    const message = refusal(new Predict("question -> answer"), state);
    expect(message).toContain("and 480 more");
    expect(message.split("\n")).toHaveLength(22);
    expect(message).toContain('"a\\nname"');
  });

  test("what a predictor refuses takes back what others had taken", () => {
    const state = tuned();
    state.trunkline.predictors["inner.judge.predict"].config = { temperature: "hot" };
    const program = new Pipeline();
    expect(refusal(program, state)).toMatch(
      /^"inner\.judge\.predict" refuses what the state says of it: .*temperature: expected a number.*got "hot"; nothing was changed$/,
    );
    expect(program.plan_steps.demos).toEqual([]);
  });
});

describe("names that differ by camel case", () => {
  class Camel extends Module {
    generateQuery = new Predict("userQuestion -> searchQuery");
    forward(): void {}
  }

  function dspyState(name: string, demo: object): Editable {
    const { trunkline: _, ...state } = editable(stateOf(new Camel()));
    const part = { ...state.generateQuery, demos: [demo] };
    part.signature.fields[0].description = `\${user_question}`;
    return { [name]: part };
  }

  test("fit, in predictors, fields and demos", () => {
    const program = new Camel();
    const state = dspyState("generate_query", { user_question: "a", search_query: "b", augmented: true });
    state.generate_query.lm = { model: "openai/gpt-4o-mini" };
    expect(applyState(program, state).models).toEqual({ generateQuery: "openai/gpt-4o-mini" });
    expect(program.generateQuery.demos).toEqual([{ userQuestion: "a", searchQuery: "b", augmented: true }]);
  });

  test("do not fit where two could be meant", () => {
    const demo = { user_question: "a", userquestion: "b", augmented: true };
    expect(refusal(new Camel(), dspyState("generateQuery", demo))).toContain(
      'demos[0] has "user_question", "userquestion"',
    );
    const state = dspyState("generate_query", {});
    state.generatequery = state.generate_query;
    expect(refusal(new Camel(), state)).toContain(
      'the file has the predictor "generatequery", the program has not',
    );
  });

  test("do not fit where two of the program could be meant", () => {
    const { trunkline: _, ...state } = editable(stateOf(new Predict("ask_it 'a', askIt 'b' -> answer")));
    state.demos = [{ AskIt: "c", answer: "d", augmented: true }];
    expect(refusal(new Predict("ask_it, askIt -> answer"), state)).toContain('demos[0] has "AskIt"');
  });

  test("do not fit in a file of our own, where names are known", () => {
    const state = editable(stateOf(new Camel()));
    state.generateQuery.demos = [{ user_question: "a" }];
    expect(refusal(new Camel(), state)).toContain('demos[0] has "user_question"');
    state.trunkline.predictors.generate_query = state.trunkline.predictors.generateQuery;
    state.generate_query = state.generateQuery;
    delete state.generateQuery;
    delete state.trunkline.predictors.generateQuery;
    expect(refusal(new Camel(), state)).toContain(
      'the file has the predictor "generate_query", the program has not',
    );
  });
});

describe("types", () => {
  const zodSignature = signature({ input: { question: z.string() }, output: { facts: z.array(z.string()) } });

  test("however they are spelt, they are the same", () => {
    applyState(
      new Predict("question: str -> facts: list[str]"),
      stateOf(new Predict("question -> facts: string[]")),
    );
    applyState(new Predict(zodSignature), stateOf(new Predict("question -> facts: string[]")));
    applyState(new Predict("question -> facts: string[]"), stateOf(new Predict(zodSignature)));
  });

  test("a schema is kept as JSON Schema, and another one is a difference", () => {
    const state = editable(stateOf(new Predict(zodSignature)));
    expect(state.trunkline.predictors.self.outputs).toEqual([
      { name: "facts", type: { type: "array", items: { type: "string" } } },
    ]);
    expect(refusal(new Predict("question -> facts: int[]"), state)).toMatch(
      /the output is "facts: \{.*\} in the file|the output is "facts: /,
    );
  });

  test("a schema of a whole side is taken apart into its fields, and descriptions come back", () => {
    const Whole = signature({
      input: z.object({ question: z.string().describe("asked"), limit: z.int().optional() }),
      output: z.object({ answer: z.string() }),
    });
    const program = new Predict(Whole);
    program.signature = program.signature.withUpdatedField("answer", { description: "short" }) as never;
    program.demos = [new Example({ question: "a", answer: "b", id: 7 })];
    const fresh = new Predict(Whole);
    applyState(fresh, editable(stateOf(program)));
    expect(fresh.signature.equals(program.signature)).toBe(true);
    expect(fresh.demos).toEqual([{ question: "a", answer: "b" }]);
  });

  test("a type that cannot be read is another type", () => {
    const state = editable(stateOf(new Predict("question -> answer")));
    state.trunkline.predictors.self.inputs[0].type = "str";
    applyState(new Predict("question -> answer"), state);
    state.trunkline.predictors.self.inputs[0].type = "strin";
    expect(refusal(new Predict("question -> answer"), state)).toContain('"question: strin" in the file');
  });
});

describe("values of demos", () => {
  const save = (demo: object, text = "a: object, b?: object -> c"): Editable => {
    const program = new Predict(text);
    program.demos = [demo as never];
    return editable(stateOf(program)).demos[0];
  };

  test("what knows its JSON form is kept in that; absent members are absent", () => {
    const when = new Date(0);
    expect(
      save({ a: { when, where: new URL("https://x.example/"), gone: undefined }, b: undefined }),
    ).toEqual({
      a: { when: "1970-01-01T00:00:00.000Z", where: "https://x.example/" },
    });
  });

  test.each([
    ["a Map", { a: { m: new Map() } }, '"self": demos[0].a.m: expected plain JSON data, got a Map'],
    ["a function", { a: [() => 1] }, '"self": demos[0].a[0]: expected plain JSON data, got a function'],
    ["no number", { c: Number.NaN }, '"self": demos[0].c: expected plain JSON data, got NaN'],
    ["a hole", { a: [undefined] }, '"self": demos[0].a[0]: expected plain JSON data, got nothing'],
    ["a bigint", { c: 1n }, '"self": demos[0].c: expected plain JSON data, got a bigint'],
  ])("%s is refused with its place", (_, demo, message) => {
    expect(() => save(demo)).toThrow(expect.objectContaining({ code: "state", message }));
  });

  test("a cycle is refused", () => {
    const a: Record<string, unknown> = {};
    a.a = a;
    expect(() => save({ a })).toThrow(/nested more than 100 levels deep, or a cycle/);
  });

  test("columns that the signature has not stay out of the file, marks of DSPy stay in", () => {
    const demo = { a: { x: 1 }, c: "c", augmented: true, dspy_split: "train", id: 7, secret: "row" };
    expect(save(demo)).toEqual({ a: { x: 1 }, c: "c", augmented: true, dspy_split: "train" });
  });

  test("a member called __proto__ is one like any other, and pollutes nothing", () => {
    const demo = JSON.parse('{"a": {"__proto__": {"polluted": true}}, "c": "x"}');
    const state = editable(stateOf(new Predict("a: object, b?: object -> c")));
    state.demos = [demo];
    const program = new Predict("a: object, b?: object -> c");
    applyState(program, state);
    expect(JSON.stringify(program.demos[0])).toBe('{"a":{"__proto__":{"polluted":true}},"c":"x"}');
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    state.demos = [JSON.parse('{"__proto__": {"a": {}}, "augmented": true}')];
    expect(refusal(program, state)).toContain('demos[0] has "__proto__"');
  });

  const photo = Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 1, 2, 3]);

  test.each([
    [
      "bytes",
      image(photo),
      /^<<CUSTOM-TYPE-START-IDENTIFIER>>\[\{"type": "image_url", .*data:image\/png;base64,iVBORwECAw==/,
    ],
    ["an address", image("https://example.com/a'b\".png"), /^<<CUSTOM-TYPE-START-IDENTIFIER>>/],
    ["a data URL", image("data:image/webp;base64,AAAA"), /^<<CUSTOM-TYPE-START-IDENTIFIER>>/],
    ["an address with a type", image("https://example.com/a", { mediaType: "image/png" }), { type: "image" }],
    ["bytes with a name", image(photo, { name: "a.png" }), { type: "image", name: "a.png" }],
  ])("a picture: %s", (_, value, expected) => {
    const text = "photos: image[], one?: image | string -> c";
    const written = save({ photos: [value], one: value }, text);
    if (expected instanceof RegExp) expect(written.photos[0]).toMatch(expected);
    else expect(written.photos[0]).toMatchObject(expected);
    const program = new Predict(text);
    program.demos = [{ photos: [value], one: value } as never];
    const again = new Predict(text);
    applyState(again, editable(stateOf(program)));
    const data = value.data instanceof Uint8Array ? { data: Buffer.from(photo).toString("base64") } : {};
    expect(again.demos).toEqual([{ photos: [{ ...value, ...data }], one: { ...value, ...data } }]);
  });

  test("a file, a conversation, and what is in an object", () => {
    const text = "doc: file, past: history, more: { pic?: image, n: int }, all: dict[str, image] -> c";
    const pic = image("https://example.com/a.png");
    const demo = {
      doc: file("data:application/pdf;base64,AAAA", { name: 'a "b".pdf' }),
      past: [{ question: "a", answer: "b" }],
      more: { pic, n: 1, other: "x" },
      all: { one: pic },
    };
    expect(save(demo, text).past).toEqual({ messages: [{ question: "a", answer: "b" }] });
    const program = new Predict(text);
    program.demos = [demo as never];
    const again = new Predict(text);
    applyState(again, editable(stateOf(program)));
    expect(again.demos).toEqual([demo]);
  });

  test("a text that looks like a picture stays a text where the field is one", () => {
    const forged =
      '<<CUSTOM-TYPE-START-IDENTIFIER>>[{"type": "image_url", "image_url": {"url": "https://x.example"}}]<<CUSTOM-TYPE-END-IDENTIFIER>>';
    const program = new Predict("question, photo: image -> answer");
    const state = editable(stateOf(program));
    state.demos = [
      { question: forged, photo: "<<CUSTOM-TYPE-START-IDENTIFIER>>[{]<<CUSTOM-TYPE-END-IDENTIFIER>>" },
    ];
    applyState(program, state);
    expect(program.demos).toEqual(state.demos);
  });
});

describe("damaged states", () => {
  test.each([
    ["no object", () => [], "the state: expected an object, got a list of 0"],
    ["nothing", () => null, "the state: expected an object, got null"],
    ["a predictor that is none", (s: Editable) => ({ ...s, qa: 7 }), 'trunkline.predictors differ in: "qa"'],
    [
      "no signature",
      (s: Editable) => without(s, "signature"),
      '"qa.predict".signature: expected an object, got nothing',
    ],
    [
      "demos that are none",
      (s: Editable) => withPart(s, { demos: {} }),
      '"qa.predict".demos: expected a list, got an object',
    ],
    [
      "a demo that is none",
      (s: Editable) => withPart(s, { demos: ["a"] }),
      '"qa.predict".demos[0]: expected an object, got a string',
    ],
    [
      "instructions that are none",
      (s: Editable) => withPart(s, { signature: { instructions: 1, fields: [] } }),
      '"qa.predict".signature.instructions: expected a text, got a number',
    ],
    [
      "fields that are none",
      (s: Editable) => withPart(s, { signature: { instructions: "", fields: [{ prefix: "A:" }] } }),
      '"qa.predict".signature.fields[0].description: expected a text, got nothing',
    ],
    [
      "too few fields",
      (s: Editable) => withPart(s, { signature: { instructions: "", fields: [] } }),
      "differ in their number of fields",
    ],
    [
      "Python source",
      (s: Editable) => withPart(s, { module_src: "import os" }),
      "Python source (a Flex module of DSPy), which is never run",
    ],
    ["DSPy before 2.6", (s: Editable) => withPart(s, { extended_signature: {} }), "saved before DSPy 2.6"],
    [
      "decisions of DSPy",
      (s: Editable) => withPart(s, { fields: { answer: { threshold: 0.7 } } }),
      "decision settings of DSPy",
    ],
    [
      "a newer format",
      (s: Editable) => ({ ...s, trunkline: { version: 2, what: "ever" } }),
      "newer trunkline (format 2; this one reads up to 1): update trunkline",
    ],
    [
      "no version",
      (s: Editable) => ({ ...s, trunkline: {} }),
      "trunkline.version: expected a whole number of 1 or more, got nothing",
    ],
    [
      "no names",
      (s: Editable) => ({ ...s, trunkline: { version: 1 } }),
      "trunkline.predictors: expected an object, got nothing",
    ],
    [
      "a type that is none",
      (s: Editable) => withDetails(s, { inputs: [{ name: "a", type: 1 }] }),
      ".inputs[0].type: expected a text or a JSON Schema, got a number",
    ],
    [
      "a name that is none",
      (s: Editable) => withDetails(s, { inputs: [{ name: 1, type: "string" }] }),
      ".inputs[0].name: expected a text, got a number",
    ],
    [
      "tools that are none",
      (s: Editable) => withDetails(s, { tools: [{ name: "t" }] }),
      ".tools[0].inputSchema: expected an object, got nothing",
    ],
  ])("%s", (_, edit, message) => {
    expect(refusal(new Pipeline(), edit(tuned()))).toContain(message);
  });

  test("the keys of metadata and members that nobody knows are let be", () => {
    const state = tuned();
    state.trunkline.tuning = { from: "a later version" };
    state.trunkline.predictors["qa.predict"].later = true;
    delete state.metadata;
    state["qa.predict"].later = 1;
    applyState(new Pipeline(), state);
  });

  function withPart(state: Editable, part: object): Editable {
    return { ...state, "qa.predict": { ...state["qa.predict"], ...part } };
  }

  function without(state: Editable, key: string): Editable {
    const { [key]: _, ...part } = state["qa.predict"];
    return { ...state, "qa.predict": part };
  }

  function withDetails(state: Editable, details: object): Editable {
    Object.assign(state.trunkline.predictors["qa.predict"], details);
    return state;
  }
});

describe("programs that cannot be saved", () => {
  class Odd extends Module {
    constructor(fields: object) {
      super();
      Object.assign(this, fields);
    }
    forward(): void {}
  }
  const one = (): Predict => new Predict("question -> answer");

  test.each([
    ["no predictors", {}, "Odd has no predictors that can be found; those in #private fields cannot be"],
    [
      "a name of the file's own",
      { metadata: one() },
      'Odd has a predictor called "metadata", which is a name of the file\'s own: rename it',
    ],
    [
      "our name",
      { trunkline: one() },
      'Odd has a predictor called "trunkline", which is a name of the file\'s own: rename it',
    ],
    [
      "a name that comes twice",
      {
        tools: new Map<unknown, Module>([
          [1, one()],
          ["1", one()],
        ]),
      },
      "Odd has two predictors called \"tools['1']\"",
    ],
  ])("%s", (_, fields, message) => {
    expect(() => stateOf(new Odd(fields))).toThrow(expect.objectContaining({ code: "state", message }));
  });

  test("a predictor in a field called like a member of the bare layout is one of a program", () => {
    const program = new Odd({ signature: one(), demos: one() });
    const state = editable(stateOf(program));
    applyState(new Odd({ signature: one(), demos: one() }), state);
    delete state.trunkline;
    applyState(program, state);
  });
});

describe("tools", () => {
  const search = {
    name: "search",
    description: "Looks up.",
    inputSchema: { type: "object", properties: { q: { type: "string" } } },
  };
  const sum = { name: "sum", inputSchema: { type: "object" } };
  function withTools(...tools: object[]): Module {
    return Object.assign(new Predict("question -> next_tool_name"), { tools });
  }

  test("their schemas are in the file, and the same ones fit", () => {
    const state = editable(stateOf(withTools(search, sum)));
    expect(state.trunkline.predictors.self.tools).toEqual([search, sum]);
    applyState(withTools(sum, search), state);
  });

  test("added, missing and changed ones are differences", () => {
    const state = stateOf(withTools(search, sum));
    expect(refusal(withTools(search), state)).toContain('the file has the tool "sum", the program has not');
    expect(refusal(withTools(search, sum, { ...sum, name: "more" }), state)).toContain(
      'the program has the tool "more", the file has not',
    );
    expect(refusal(withTools({ ...search, description: "Else." }, sum), state)).toContain(
      'the tool "search" has another description now',
    );
    expect(refusal(withTools(search, { ...sum, inputSchema: {} }), state)).toContain(
      'the tool "sum" takes other arguments now',
    );
  });

  test("a ReAct program with other tools is another program", () => {
    const state = stateOf(programs.react());
    const other = new ReAct("question -> answer", { tools: [{ ...search, execute: () => 1 }] });
    const message = refusal(other, state);
    expect(message).toContain('"react": the file has the tool "search_web", the program has not');
    expect(message).toContain('"react": the program has the tool "search", the file has not');
    expect(message).toContain("\"next_tool_name: 'search_web' | 'calculate' | 'finish'\" in the file");
  });

  test("in a file of DSPy they are looked for in the instructions", () => {
    const { trunkline: _, ...state } = editable(stateOf(withTools()));
    state.signature.instructions =
      "One of:\n\n(1) search, whose description is <desc>Looks up. (2) no, a trap.</desc>. It takes arguments {}.\n" +
      "(2) sum. It takes arguments {'x': {'type': 'integer'}}.\n" +
      "(3) finish, whose description is <desc>Marks the task as complete.</desc>. It takes arguments {}.";
    applyState(withTools(sum, search), state);
    const message = refusal(withTools({ ...sum, name: "add" }, search), state);
    expect(message).toContain('its instructions name the tool "sum", the program has not');
    expect(message).toContain('the program has the tool "add", its instructions do not name it');
    state.signature.instructions = "Written anew, without a list.";
    applyState(withTools(sum), state);
  });
});

test("the model that a predictor has is noted, unless a tuning says another", () => {
  const program = programs.predict().setLM(new LM("openai/gpt-4o-mini", { apiKey: "sk-never-in-a-file" }));
  const model = (state: ProgramState): unknown => editable(state).trunkline.predictors.self.model;
  expect(model(stateOf(program))).toBe("openai/gpt-4o-mini");
  expect(model(stateOf(program, { models: { self: "big" } }))).toBe("big");
  const fresh = programs.predict();
  applyState(fresh, stateOf(program));
  expect(JSON.stringify(stateOf(program))).not.toContain("never-in-a-file");
  expect(fresh.lm).toBeUndefined();
});
