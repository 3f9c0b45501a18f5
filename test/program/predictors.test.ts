import { describe, expect, test } from "vitest";
import { ChainOfThought, Module, Predict } from "../../src/index.ts";
import { scriptedLM } from "../../src/testing/index.ts";

const predict = () => new Predict("a -> b");
const names = (module: Module): string[] => module.namedPredictors().map(([name]) => name);

/** A module with these fields. */
function holding<Fields extends object>(fields: Fields): Module & Fields {
  class Holder extends Module {
    forward() {}
  }
  return Object.assign(new Holder(), fields);
}

describe("predictors are found and named as in DSPy", () => {
  test.each<[string, Module, string[]]>([
    ["a predictor alone", predict(), ["self"]],
    ["a chain of thought alone", new ChainOfThought("a -> b"), ["predict"]],
    [
      "fields, in their order",
      holding({ z: predict(), judge: new ChainOfThought("a -> b") }),
      ["z", "judge.predict"],
    ],
    [
      "lists",
      holding({ steps: [predict(), new ChainOfThought("a -> b")] }),
      ["steps[0]", "steps[1].predict"],
    ],
    ["plain objects", holding({ tools: { a: predict(), "b c": predict() } }), ["tools['a']", "tools['b c']"]],
    [
      "maps",
      holding({
        tools: new Map<unknown, Module>([
          ["a", predict()],
          [1, predict()],
        ]),
      }),
      ["tools['a']", "tools['1']"],
    ],
    ["sets", holding({ pool: new Set([predict()]) }), ["pool[0]"]],
    [
      "modules in modules",
      holding({ inner: holding({ deep: holding({ p: predict() }) }) }),
      ["inner.deep.p"],
    ],
    ["lists in lists", holding({ grid: [[predict()], [predict()]] }), ["grid[0][0]", "grid[1][0]"]],
    [
      "nothing else",
      holding({ n: 1, s: "x", d: new Date(0), f: () => predict(), u: undefined, o: null }),
      [],
    ],
  ])("%s", (_, module, expected) => {
    expect(names(module)).toEqual(expected);
  });

  test("a predictor in several places is listed once, under its first path", () => {
    const shared = predict();
    const inner = holding({ again: shared });
    expect(names(holding({ inner, shared, list: [shared, inner] }))).toEqual(["inner.again"]);
  });

  test("a predictor with predictors of its own is a leaf, as in DSPy", () => {
    class Wrapped extends Predict<"a -> b"> {
      helper = predict();
    }
    expect(names(holding({ wrapped: new Wrapped("a -> b") }))).toEqual(["wrapped"]);
    expect(names(new Wrapped("a -> b"))).toEqual(["self", "helper"]);
  });

  test("cycles end: modules that hold each other, lists and maps that hold themselves", () => {
    const a = holding({ p: predict(), other: undefined as unknown });
    const list: unknown[] = [predict()];
    const map = new Map<string, unknown>([["p", predict()]]);
    list.push(list);
    map.set("self", map);
    a.other = holding({ back: a, list, map });
    expect(names(a)).toEqual(["p", "other.list[0]", "other.map['p']"]);
    expect(() => a.setLM(scriptedLM([]))).not.toThrow();
    expect(names(a.clone())).toEqual(names(a));
  });

  test("a getter is not run, and a #private field is not seen", () => {
    let ran = false;
    class Secret extends Module {
      readonly #hidden = predict();
      get shown() {
        ran = true;
        return this.#hidden;
      }
      forward() {}
    }
    const module = new Secret();
    Object.defineProperty(module, "made", { enumerable: true, get: () => module.shown });
    expect(names(module)).toEqual([]);
    expect(ran).toBe(false);
  });

  test("each has its signature, demos, config and LM, and they can be set", () => {
    const lm = scriptedLM([]);
    const module = holding({ p: new Predict("a -> b", { temperature: 0.5 }) }).setLM(lm);
    const [[name, predictor] = []] = module.namedPredictors();
    expect(name).toBe("p");
    expect(predictor!.signature.inputs[0]!.name).toBe("a");
    expect(predictor).toMatchObject({ demos: [], config: { temperature: 0.5 }, lm });
    predictor!.demos = [{ a: "x", b: "y" }];
    predictor!.signature = predictor!.signature.withInstructions("Other.");
    expect(module.p.demos).toEqual([{ a: "x", b: "y" }]);
    expect(module.p.signature.instructions).toBe("Other.");
  });
});

describe("clone", () => {
  class Program extends Module {
    first = new Predict("a -> b", { temperature: 0 });
    again = this.first;
    steps = [new ChainOfThought("a -> b")];
    byName = new Map([["x", { inner: predict() }]]);
    pool = new Set([predict()]);
    options = { retries: 3, words: ["a"] };
    when = new Date(0);
    read = (text: string) => text.length;
    forward() {}
  }

  test("fields, containers and modules are its own; LMs, functions and other objects are shared", () => {
    const lm = scriptedLM([]);
    const program = new Program().setLM(lm);
    const copy = program.clone();
    expect(copy).toBeInstanceOf(Program);
    expect(names(copy)).toEqual(names(program));
    for (const [i, [, predictor]] of copy.namedPredictors().entries()) {
      expect(predictor).not.toBe(program.namedPredictors()[i]![1]);
      expect(predictor.lm).toBe(lm);
    }
    for (const field of ["steps", "byName", "pool", "options"] as const)
      expect(copy[field]).not.toBe(program[field]);
    expect(copy.when).toBe(program.when);
    expect(copy.read).toBe(program.read);
    expect(copy.options).toEqual(program.options);
  });

  test("what one changes, the other does not see", () => {
    const program = new Program().setLM(scriptedLM([]));
    const copy = program.clone();
    copy.first.demos = [{ a: "x", b: "y" }];
    copy.first.signature = copy.first.signature.withInstructions("Other.");
    copy.first.config = { temperature: 1 };
    copy.steps.push(new ChainOfThought("a -> b"));
    copy.options.words.push("b");
    copy.setLM(scriptedLM([]));
    expect(program.first).toMatchObject({ demos: [], config: { temperature: 0 } });
    expect(program.first.signature.instructions).not.toBe("Other.");
    expect([program.steps.length, program.options.words]).toEqual([1, ["a"]]);
    expect(program.first.lm).not.toBe(copy.first.lm);
  });

  test("parts that are shared stay shared in the copy", () => {
    const copy = new Program().clone();
    expect(copy.again).toBe(copy.first);
  });

  test("a frozen container is shared, unless it holds a module", () => {
    const program = holding({
      words: Object.freeze(["a", "b"]),
      steps: Object.freeze([predict()]),
      nested: Object.freeze({
        data: Object.freeze({ n: 1 }),
        deep: Object.freeze([Object.freeze({ p: predict() })]),
      }),
    });
    const copy = program.clone();
    expect(copy.words).toBe(program.words);
    expect(copy.nested.data).toBe(program.nested.data);
    expect(copy.steps[0]).not.toBe(program.steps[0]);
    expect(copy.nested.deep[0]!.p).not.toBe(program.nested.deep[0]!.p);
    expect([copy.steps, copy.nested, copy.nested.deep].map(Object.isFrozen)).toEqual([true, true, true]);
    expect(names(copy)).toEqual(names(program));
  });

  test("two copies share nothing with each other", () => {
    const program = new Program();
    const [one, two] = [program.clone(), program.clone()];
    for (const [i, [, predictor]] of one.namedPredictors().entries()) {
      expect(predictor).not.toBe(two.namedPredictors()[i]![1]);
    }
  });

  test("a class that overrides clone has the last word, inside others too", () => {
    class Counter extends Module {
      #count = 1;
      get count() {
        return this.#count;
      }
      override clone(): this {
        const copy = new Counter();
        copy.#count = this.#count + 1;
        return copy as this;
      }
      forward() {}
    }
    const counter = new Counter();
    const copy = holding({ counter, list: [counter] }).clone();
    expect([copy.counter.count, copy.list[0] === copy.counter]).toEqual([2, true]);
  });

  test("a copy that failed leaves nothing behind for the next", () => {
    class Broken extends Module {
      override clone(): this {
        throw new Error("no copies of me");
      }
      forward() {}
    }
    const part = predict();
    expect(() => holding({ part, broken: new Broken() }).clone()).toThrow("no copies of me");
    expect(holding({ part }).clone().part).not.toBe(part);
  });
});
