import { BestOfN } from "../../../src/program/best-of.ts";
import { ChainOfThought } from "../../../src/program/chain-of-thought.ts";
import { Module } from "../../../src/program/module.ts";
import { Predict } from "../../../src/program/predict.ts";
import { ReAct } from "../../../src/program/react.ts";
import { tool } from "../../../src/program/tool.ts";
import { signature } from "../../../src/signature/make.ts";

/** The programs of test/fixtures/dspy/programs.py, in the names of TypeScript where it makes no difference. */

abstract class Program extends Module {
  forward(): unknown {
    return undefined;
  }
}

export class Pipeline extends Program {
  plan_steps = new Predict("goal -> plan: string[]");
  qa = new ChainOfThought("context, question -> answer");
  steps = [new Predict("text -> summary"), new ChainOfThought("summary -> verdict: boolean")];
  tools = new Map<string, Module>([
    ["a", new Predict("text -> label")],
    ["the b", new ChainOfThought("text -> label")],
  ]);
  inner = new Inner();
}

class Inner extends Program {
  judge = new ChainOfThought("claim -> verdict: boolean");
}

export class TwoSteps extends Program {
  generate_query = new Predict("question -> query");
  generate_answer = new ChainOfThought("query -> answer");
}

/** The same in TypeScript's spelling. */
export class TwoStepsInCamelCase extends Program {
  generateQuery = new Predict("question -> query");
  generateAnswer = new ChainOfThought("query -> answer");
}

export class Frozen extends Program {
  draft = new Predict("topic -> text");
  polish = new ChainOfThought("text -> polished");
}

const source = "{ title: string, page: int, tags?: string[] }";

export const summarize = signature(
  `search_context: string[] 'what was found', user_question, max_words2: int | null ->
   final_answer 'one sentence, no more', confidence_score: number, mood: 'calm' | 'glad' | 'sad', sources: ${source}[]`,
  "Sum up what was found.\n\nKeep to the sources.",
);

const searchWeb = tool({
  name: "search_web",
  description: "Looks a question up.",
  inputSchema: {
    type: "object",
    properties: { query: { type: "string" }, limit: { type: "integer", default: 3 } },
    required: ["query"],
  },
  execute: ({ query }) => [query],
});

const calculate = tool({
  name: "calculate",
  description: "Works out a sum.",
  inputSchema: { type: "object", properties: { expression: { type: "string" } }, required: ["expression"] },
  execute: ({ expression }) => String(expression).length,
});

export const programs = {
  predict: () => new Predict("question -> answer"),
  "chain-of-thought": () =>
    new ChainOfThought(signature("question, hints: string[] -> answer: int", "Count what is asked for.")),
  react: () => new ReAct("question -> answer", { tools: [searchWeb, calculate] }),
  nested: () => new Pipeline(),
  typed: () => new Predict(summarize),
  media: () => new Predict(signature("photo: image -> caption", "Say what the photo shows.")),
  "two-steps": () => new TwoSteps(),
  labeled: () => new TwoSteps(),
  frozen: () => new Frozen(),
  "best-of": () =>
    new BestOfN(new ChainOfThought("question -> answer"), { n: 3, reward: () => 1, threshold: 1 }),
  "with-lm": () => new ChainOfThought("question -> answer"),
} satisfies Record<string, () => Module>;
