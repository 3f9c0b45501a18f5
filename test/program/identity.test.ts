import { expect, test } from "vitest";
import { completion } from "../../src/core/completion.ts";
import { ChainOfThought, context, DriverLM, Module, Predict } from "../../src/index.ts";
import { identityOf } from "../../src/program/identity.ts";

const lm = (model: string) =>
  new DriverLM({ model, requestFn: async () => "", outputFn: (text: string) => completion(text) });
const [small, large] = [lm("small"), lm("large")];

class Pipeline extends Module {
  first = new Predict("document -> facts: string[]");
  judge = new ChainOfThought("facts: string[] -> verdict: boolean");
  async forward({ document }: { document: string }) {
    return this.judge.call(await this.first.call({ document }));
  }
}

test("two programs that are made alike are one; the class shows", () => {
  const one = identityOf(new Pipeline().setLM(small));
  expect(identityOf(new Pipeline().setLM(small))).toEqual(one);
  expect(one).toEqual({
    program: expect.stringMatching(/^Pipeline [0-9a-f]{12}$/),
    model: "DriverLM(small)",
  });
});

test.each<[string, (program: Pipeline) => void]>([
  [
    "demos",
    ({ first }) => {
      first.demos = [{ document: "d", facts: ["f"] }];
    },
  ],
  [
    "instructions",
    ({ judge: { predict } }) => {
      predict.signature = predict.signature.withInstructions("Be quick.");
    },
  ],
  [
    "a field's description",
    ({ first }) => {
      first.signature = first.signature.withUpdatedField("facts", { description: "at most 3" });
    },
  ],
  [
    "a predictor's settings",
    ({ first }) => {
      first.config = { temperature: 1 };
    },
  ],
  [
    "forward",
    (program) => {
      program.forward = async () => ({ reasoning: "", verdict: true });
    },
  ],
])("%s of the program is part of it", (_, change) => {
  const program = new Pipeline().setLM(small);
  const before = identityOf(program);
  change(program);
  expect(identityOf(program).program).not.toBe(before.program);
});

test("the models are named: the predictors' own, else that of the context", async () => {
  const program = new Pipeline();
  expect(identityOf(program).model).toBe("none");
  expect(identityOf(new Predict("a -> b").setLM(small)).model).toBe("DriverLM(small)");
  expect(context({ lm: large }, () => identityOf(program)).model).toBe("DriverLM(large)");
  program.first.setLM(small);
  expect(context({ lm: large }, () => identityOf(program)).model).toBe("DriverLM(large), DriverLM(small)");
});

test("a function is its name and its code", () => {
  const twice = (n: number) => n * 2;
  const thrice = { twice: (n: number) => n * 3 }.twice;
  expect(identityOf(twice)).toEqual(identityOf(twice));
  expect(identityOf(twice).program).toMatch(/^twice /);
  expect(identityOf(thrice).program).not.toBe(identityOf(twice).program);
  expect(identityOf((n: number) => n).program).toMatch(/^a function /);
});
