import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { MetricContext } from "../../src/evaluate/metric.ts";
import { contains, Example, exactMatch, f1, type Metric, normalizeText } from "../../src/index.ts";

const context = { purpose: "evaluate" } as MetricContext;
const score = (metric: Metric<object, object>, gold: unknown, answer: unknown): unknown =>
  metric({ answer: gold }, { answer }, context);

describe("normalizeText", () => {
  // What dspy.evaluate.metrics.normalize_text of DSPy 3.4 gives for the same texts.
  test.each([
    ["The,  Eiffel  Tower!", "eiffel tower"],
    ["a.b", "ab"],
    ["An apple a day, the doctor's away", "apple day doctors away"],
    ["theatre thesis anagram a1 a_b", "theatre thesis anagram a1 ab"],
    ["  \t\n tab\u00a0space ", "tab space"],
    ["“curly” quotes — stay", "“curly” quotes — stay"],
    ["føa b", "føa b"],
    ["", ""],
    ["the", ""],
  ])("%j is %j", (text, expected) => {
    expect(normalizeText(text)).toBe(expected);
  });

  test("a letter with an accent is no article, as it is there", () => {
    // DSPy leaves the accents alone behind: " \u0300e\u0301" and "\u030angstro\u0308m".
    expect(normalizeText("Café ÀÉ")).toBe("cafe\u0301 a\u0300e\u0301");
    expect(normalizeText("ÅNGSTRÖM")).toBe("a\u030angstro\u0308m");
  });

  test("it is idempotent", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const once = normalizeText(text);
        expect(normalizeText(once)).toBe(once);
      }),
    );
  });
});

describe("exactMatch", () => {
  test.each<[unknown, unknown, number]>([
    ["Paris", "paris.", 1],
    ["Paris", "the Paris", 1],
    ["Paris", "Paris, France", 0],
    [["Paris", "City of Light"], "city of light", 1],
    [["Paris"], "Rome", 0],
    [[], "Rome", 0],
    [0, 0, 1],
    [0, "0", 1],
    [0, null, 0],
    [0, "", 0],
    [false, false, 1],
    [false, "False", 1],
    [true, false, 0],
    [1.5, 15, 0],
    [-1, "1", 0],
    [1.5, "1.50", 1],
    ["-3", -3, 1],
    [2, "two", 0],
    ["1.5", "15", 1],
    [["a b", "c"], ["a b", "c"], 1],
    [["a b", "c"], ["c", "a b"], 0],
    [[["x"], ["y", "z"]], ["y", "z"], 1],
    [{ x: 1 }, { x: 1 }, 1],
    [{ x: 1 }, { x: 2 }, 0],
    ["the", "a", 1],
  ])("P12: %j against %j is %d", (gold, answer, expected) => {
    expect(score(exactMatch("answer"), gold, answer)).toBe(expected);
  });

  test("normalize: false compares texts as they are, a function in its own way", () => {
    expect(score(exactMatch({ normalize: false }), "Paris", "paris")).toBe(0);
    const first = exactMatch({ normalize: (text) => text.slice(0, 1) });
    expect(score(first, "Paris", "Prague")).toBe(1);
  });

  test("the field and where the gold answer stands can be said", () => {
    const metric = exactMatch({ field: "answer", gold: "aliases" });
    expect(metric({ aliases: ["a b", "c"] }, { answer: "C" }, context)).toBe(1);
  });

  test("left out, it is the one field that both have and no input is", () => {
    const example = new Example({ question: "?", answer: "2" }).withInputs("question");
    const prediction = { question: "?", reasoning: "...", answer: "2" };
    expect(exactMatch()(example, prediction, context)).toBe(1);
    expect(() => exactMatch()({ ...example }, prediction, context)).toThrow(
      /several fields \(question, answer\)/,
    );
    expect(() => exactMatch()({ gold: 1 }, prediction, context)).toThrow(
      /share no field.*exactMatch\("answer"\)/,
    );
  });

  test("an example without the gold field is an error; a prediction without its field is wrong, and says so", () => {
    expect(() => exactMatch("anwser")({ answer: "2" }, { anwser: "2" }, context)).toThrow(
      /did you mean "answer"/,
    );
    expect(exactMatch("answer")({ answer: "2" }, {}, context)).toEqual({
      score: 0,
      feedback: 'the prediction has no field "answer"',
    });
    expect(exactMatch("answer")({ answer: "2" }, undefined as never, context)).toMatchObject({ score: 0 });
  });

  test("a wrong option is found when the metric is made", () => {
    expect(() => exactMatch({ feild: "answer" } as never)).toThrow(/did you mean "field"/);
    expect(() => exactMatch({ normalize: "yes" } as never)).toThrow(/normalize/);
  });
});

describe("contains", () => {
  test.each<[unknown, unknown, number]>([
    ["Paris", "It is Paris, of course.", 1],
    ["art", "a party", 0],
    ["art", "state of the art", 1],
    ["12", "in 1912", 0],
    ["12", "12 of them", 1],
    ["north pole", "at the North Pole!", 1],
    ["pole north", "at the North Pole!", 0],
    ["北京", "首都是北京。", 1],
    ["é", "cafés", 0],
    ["caf", "café", 0],
    [["x", "pole"], "the pole", 1],
    ["the", "anything", 0],
    ["", "anything", 0],
    ["", "", 1],
    [0, "there are 0 left", 1],
  ])("%j in %j is %d", (gold, answer, expected) => {
    expect(score(contains("answer"), gold, answer)).toBe(expected);
  });
});

describe("f1", () => {
  test.each<[unknown, unknown, number]>([
    ["the cat sat", "cat sat", 1],
    ["cat sat", "cat", 2 / 3],
    ["cat cat", "cat", 2 / 3],
    ["a b c", "x y", 0],
    ["cat", "cat cat cat cat", 0.4],
    [["dog", "cat sat"], "cat", 2 / 3],
    ["", "", 1],
    ["", "cat", 0],
    ["cat", "", 0],
  ])("%j against %j is %d", (gold, answer, expected) => {
    expect(score(f1("answer"), gold, answer)).toBeCloseTo(expected, 12);
  });

  test("it is from 0 to 1, and 1 for equal texts, however long", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        expect(score(f1("answer"), a, a)).toBe(1);
        const value = score(f1("answer"), a, b) as number;
        expect(value >= 0 && value <= 1).toBe(true);
        expect(score(f1("answer"), b, a)).toBe(value);
      }),
    );
  });
});

test("metrics are named after what they compare, so that results files tell them apart", () => {
  expect(exactMatch("answer").name).toBe('exactMatch("answer")');
  expect(f1({ field: "a", gold: "b" }).name).toBe('f1({"field":"a","gold":"b"})');
  expect(contains().name).toBe("contains()");
  const by = (normalize: (text: string) => string) => exactMatch({ field: "a", normalize }).name;
  expect(by((text) => text.trim())).not.toBe(by((text) => text.toLowerCase()));
  expect(by((text) => text.trim())).toBe(by((text) => text.trim()));
});
