import { describe, expect, expectTypeOf, test } from "vitest";
import { TrunklineError } from "../../src/core/errors.ts";
import { evaluate, type LM, llmJudge, type Rubric } from "../../src/index.ts";
import { failureOf, fields, scripted } from "./rig.ts";

const example = { question: "1+1", answer: "2" };
const rubric = {
  correct: { ask: "Does it say what the example's answer says?", weight: 2 },
  clear: { ask: "How clear is it, 1 being not at all?", scale: [1, 5] },
  tone: { ask: "How does it sound?", levels: ["rude", "neutral", "friendly"] },
} as const satisfies Rubric;
const verdict = {
  reasoning: "fine",
  feedback: "Right, but curt.",
  correct: true,
  clear: "4",
  tone: "neutral",
};

describe("a judge", () => {
  test("gives the weighted mean of its verdicts, each of them, and why", async () => {
    const lm = scripted(() => fields(verdict));
    const judge = llmJudge({ lm, rubric });
    const judgement = await judge(example, { answer: "2" });
    expectTypeOf(judgement.objectives).toEqualTypeOf<{ readonly [K in keyof typeof rubric]: number }>();
    expect(judgement).toEqual({
      score: (2 * 1 + 0.75 + 0.5) / 4,
      feedback: "Right, but curt.",
      objectives: { correct: 1, clear: 0.75, tone: 0.5 },
    });
  });

  test("is asked with the questions, the example and the prediction, verdicts behind the feedback", async () => {
    const lm = scripted(() => fields(verdict));
    await llmJudge({ lm, rubric, instructions: "Be strict." })(example, { answer: "two" });
    const [prompt] = lm.asked;
    for (const text of ["Be strict.", rubric.correct.ask, rubric.clear.ask, '"1+1"', '"two"']) {
      expect(prompt).toContain(text);
    }
    expect(prompt!.indexOf("`feedback`")).toBeLessThan(prompt!.indexOf("`correct`"));
  });

  test("a bare question is one for yes or no; a scale may fall", async () => {
    const lm = scripted(() => fields({ ...verdict, right: false, errors: "3" }));
    const judge = llmJudge({
      lm,
      rubric: { right: "Is it right?", errors: { ask: "How many?", scale: [5, 0] } },
    });
    expect((await judge(example, "2")).objectives).toEqual({ right: 0, errors: 0.4 });
  });

  test("examples and predictions of any value can be judged", async () => {
    const lm = scripted(() => fields({ ...verdict, right: true }));
    const judge = llmJudge({ lm, rubric: { right: "Is it right?" } });
    const cycle: Record<string, unknown> = { when: new Date(0) };
    cycle.self = cycle;
    for (const prediction of ["text", 0, null, undefined, [1], cycle]) {
      expect((await judge({ ...example, cycle }, prediction)).score).toBe(1);
    }
    expect(lm.asked.at(-1)).toContain("1970-01-01");
  });

  test("a verdict off its scale is asked again, and is never a score", async () => {
    const off = fields({ ...verdict, clear: "9" });
    const lm = scripted(() => off);
    const judge = llmJudge({ lm, rubric });
    await expect(judge(example, { answer: "2" })).rejects.toMatchObject({ code: "parse" });
    expect(lm.asked).toHaveLength(2);
  });
});

describe("in an evaluation", () => {
  const dataset = [example, { question: "1+2", answer: "3" }];
  const program = async ({ question }: { question: string }) => ({ answer: question });

  test("its score, feedback and objectives stay with the row; its calls are not the program's", async () => {
    const lm = scripted(() => fields(verdict));
    const report = await evaluate(program, { dataset, metric: llmJudge({ lm, rubric }) });
    expect(report.score).toBe(0.8125);
    expect(report.results[1]).toMatchObject({
      feedback: "Right, but curt.",
      objectives: { clear: 0.75 },
      usage: { totalTokens: 0 },
    });
  });

  test("P16: what it cannot read is the metric's failure, what its provider does is the provider's", async () => {
    const lm = scripted((prompt) => {
      if (prompt.includes("1+2")) return "I would rather not say.";
      return fields(verdict);
    });
    const report = await evaluate(program, { dataset, metric: llmJudge({ lm, rubric }) });
    expect([report.scored, report.score]).toEqual([1, 0.8125]);
    expect(report.errors).toMatchObject([
      {
        index: 1,
        prediction: { answer: "1+2" },
        error: { code: "metric", message: expect.stringContaining("row 1") },
      },
    ]);
    const poor = scripted(() => new TrunklineError("quota", "no credit"));
    const error = await failureOf(evaluate(program, { dataset, metric: llmJudge({ lm: poor, rubric }) }));
    expect(error.code).toBe("quota");
  });
});

test.each<[string, unknown, RegExp]>([
  ["no options", undefined, /pass \{ rubric, lm \}/],
  ["no rubric", {}, /rubric: expected criteria by name/],
  ["an empty rubric", { rubric: {} }, /rubric: expected criteria by name/],
  ["a question without words", { rubric: { a: " " } }, /rubric\.a\.ask: expected a question/],
  ["no words to ask with", { rubric: { a: { ask: "" } } }, /rubric\.a\.ask: expected a question/],
  ["a name of the judge's own", { rubric: { feedback: "?" } }, /"feedback" is the judge's own/],
  ["a name that is no field's", { rubric: { "is it": "?" } }, /expected/],
  ["a criterion without a question", { rubric: { a: { scale: [1, 5] } } }, /rubric\.a\.ask/],
  ["a misspelt member", { rubric: { a: { ask: "?", wieght: 2 } } }, /did you mean "weight"/],
  ["a weight of 0", { rubric: { a: { ask: "?", weight: 0 } } }, /rubric\.a\.weight/],
  ["a scale of one", { rubric: { a: { ask: "?", scale: [1, 1] } } }, /rubric\.a\.scale/],
  ["a scale of halves", { rubric: { a: { ask: "?", scale: [0, 0.5] } } }, /rubric\.a\.scale/],
  ["an endless scale", { rubric: { a: { ask: "?", scale: [0, 1e9] } } }, /rubric\.a\.scale/],
  ["one level", { rubric: { a: { ask: "?", levels: ["good"] } } }, /rubric\.a\.levels/],
  ["levels that repeat", { rubric: { a: { ask: "?", levels: ["x", "x"] } } }, /rubric\.a\.levels/],
  ["scale and levels", { rubric: { a: { ask: "?", scale: [1, 2], levels: ["x", "y"] } } }, /not both/],
  ["an LM that is none", { rubric: { a: "?" }, lm: "gpt" as unknown as LM }, /needs an LM/],
])("%s is found when the judge is made", (_, options, message) => {
  expect(() => llmJudge(options as never)).toThrow(message);
});

test("judges are named after what they ask, so that results files tell them apart", () => {
  const [a, b, c] = [rubric, rubric, { correct: "?" }].map((each) => llmJudge({ rubric: each }).name);
  expect(a).toBe(b);
  expect(a).not.toBe(c);
});
