import { checkOptions, checks, show, wrongOption } from "../core/check.ts";
import { isTrunklineError, TrunklineError } from "../core/errors.ts";
import type { ToolSpec } from "../core/request.ts";
import { processClock } from "../lm/process.ts";
import { asSignature, type InputsOf, type OutputsOf } from "../signature/make.ts";
import { parseFields } from "../signature/parse.ts";
import { Signature } from "../signature/signature.ts";
import type { Field } from "../signature/types.ts";
import { ChainOfThought, type Reasoned } from "./chain-of-thought.ts";
import type { ToolEvent } from "./events.ts";
import { Module } from "./module.ts";
import { Predict, type PredictOptions } from "./predict.ts";
import { runScope } from "./run-scope.ts";
import type { Tools } from "./tool.ts";
import { runTools } from "./tool-calls.ts";
import { Toolbox } from "./toolbox.ts";
import { type ReActStep, trajectoryText } from "./trajectory.ts";

/** What `new ReAct` takes beside its signature. */
export interface ReActOptions extends Omit<PredictOptions, "n" | "tools" | "toolChoice" | "responseFormat"> {
  readonly tools: Tools;
  /** Tools it may take before it must answer. Default 20. */
  readonly maxSteps?: number;
}

/** The outputs of a ReAct program: its signature's, the thinking before them, and the steps that led there. */
export type Reacted<S> = Reasoned<S> & { readonly trajectory: readonly ReActStep[] };

type Values = Readonly<Record<string, unknown>>;

/** What the predictor of the next step gives. */
interface Choice {
  readonly next_thought: string;
  readonly next_tool_name: string;
  readonly next_tool_args: Values;
}

/** Fields that a ReAct program adds to its signature. */
const ownFields = ["trajectory", "next_thought", "next_tool_name", "next_tool_args", "reasoning"];
const finish = "finish";

/** Chooses the next tool. `tools` is what its instructions tell of; a saved program is held against it. */
export class NextStep<I = Values> extends Predict<Signature<I & { trajectory: string }, Choice>> {
  readonly tools: readonly ToolSpec[];

  constructor(signature: Signature<unknown, unknown>, tools: readonly ToolSpec[], options: PredictOptions) {
    super(signature as Signature<I & { trajectory: string }, Choice>, options);
    this.tools = tools;
  }
}

const boxOf: unique symbol = Symbol("toolbox");
const stepsOf: unique symbol = Symbol("maxSteps");

/**
 * A program that takes tools, one a step, until it knows enough to answer. A tool that fails is something it sees
 * and goes on from. Its predictors are DSPy's: `react` chooses the next step, `extract.predict` writes the outputs.
 *
 * ```ts
 * const search = tool({
 *   name: "search",
 *   description: "Looks a question up.",
 *   inputSchema: { type: "object", properties: { query: { type: "string" } }, required: ["query"] },
 *   execute: ({ query }) => `Nothing is known about ${query}.`,
 * });
 * const program = new ReAct("question -> answer", { tools: [search] });
 * const { answer, trajectory } = await program.call({ question: "Who wrote Emma?" }, { lm });
 * console.log(answer, trajectory.length);
 * ```
 */
export class ReAct<const S extends string | Signature<unknown, unknown> = string> extends Module {
  readonly react: NextStep<InputsOf<S>>;
  readonly extract: ChainOfThought<Signature<InputsOf<S> & { trajectory: string }, OutputsOf<S>>>;
  // Not `#private`: a clone is made from outside.
  readonly [boxOf]: Toolbox;
  readonly [stepsOf]: number;

  constructor(source: S, options: ReActOptions) {
    super();
    if (checks.plainObject(options) !== undefined || options.tools === undefined) {
      throw wrongOption("ReAct", "a signature and { tools }", options);
    }
    const { tools, maxSteps = 20, ...how } = options;
    checkOptions("ReAct", { maxSteps }, { maxSteps: checks.positiveCount });
    const base = asSignature(source) as Signature<unknown, unknown>;
    checkNames(base);
    this[boxOf] = new Toolbox("ReAct", tools, [finish]);
    this[stepsOf] = maxSteps;
    this.react = new NextStep(nextSignature(base, this[boxOf]), this[boxOf].specs, how);
    this.extract = new ChainOfThought(base.append("inputs", "trajectory"), how) as never;
  }

  async forward(inputs: InputsOf<S>): Promise<Reacted<S>> {
    const run = new Run(this, inputs as Values);
    await run.steps();
    const outputs = await run.extract();
    return Object.freeze({ ...outputs, trajectory: Object.freeze(run.taken) }) as Reacted<S>;
  }
}

/** One run of a program: the steps so far, and how many of the first no longer fit into the prompt. */
class Run {
  readonly taken: ReActStep[] = [];
  readonly #program: ReAct<Signature>;
  readonly #inputs: Values;
  #first = 0;

  constructor(program: object, inputs: Values) {
    this.#program = program as ReAct<Signature>;
    this.#inputs = inputs;
  }

  /** Takes steps until the model has enough, may take no more, or cannot name one. */
  async steps(): Promise<void> {
    const { react, [stepsOf]: maxSteps } = this.#program;
    while (this.taken.length < maxSteps) {
      const choice = await this.#ask((inputs) => react.call(inputs as never)).catch(unreadable);
      if (choice === undefined) return;
      const { next_thought: thought, next_tool_name: tool, next_tool_args: args } = choice;
      if (tool === finish) {
        this.taken.push(Object.freeze({ thought, tool, arguments: args, observation: "Completed." }));
        return;
      }
      this.taken.push(await this.#take(thought, tool, args));
    }
  }

  extract(): Promise<Values> {
    return this.#ask((inputs) => this.#program.extract.call(inputs as never));
  }

  async #take(thought: string, tool: string, args: Values): Promise<ReActStep> {
    const { react, [boxOf]: toolbox } = this.#program;
    const call = {
      id: `step_${this.taken.length + 1}`,
      name: tool,
      arguments: args,
      argumentsText: JSON.stringify(args),
    };
    const emit = runScope()?.emit;
    const onEvent = emit && ((event: ToolEvent) => emit(react, event));
    const [answer] = await runTools(toolbox, [call], { clock: processClock(), onEvent });
    const { error } = answer!.outcome;
    return Object.freeze({
      thought,
      tool,
      arguments: args,
      observation: answer!.text,
      ...(error !== undefined && { error }),
    });
  }

  /** Asks with as many of the last steps as the model has room for; the last one stays. */
  async #ask<T>(ask: (inputs: Values) => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await ask({ ...this.#inputs, trajectory: trajectoryText(this.taken, this.#first) });
      } catch (error) {
        const spare = this.taken.length - 1 - this.#first;
        if (!isTrunklineError(error) || error.code !== "context_length" || spare < 1) throw error;
        this.#first += Math.ceil(spare / 4);
      }
    }
  }
}

/** A model that cannot name a step, even when asked again, has to answer from what it has. */
function unreadable(error: unknown): undefined {
  if (!isTrunklineError(error) || error.code !== "parse") throw error;
}

function checkNames({ inputs, outputs }: Signature<unknown, unknown>): void {
  const taken = [...inputs, ...outputs].find(({ name }) => ownFields.includes(name));
  if (taken === undefined) return;
  throw new TrunklineError(
    "signature",
    `ReAct: the field ${show(taken.name)} is one of its own; rename yours`,
  );
}

/** The signature of the next step: DSPy's fields, and its form of the list of tools. */
function nextSignature(base: Signature<unknown, unknown>, toolbox: Toolbox): Signature<unknown, unknown> {
  const names = [...toolbox.names, finish].map((name) => `'${name}'`).join(" | ");
  return new Signature({
    instructions: `${base.instructions}\n\n${instructionsOf(base, toolbox)}`,
    inputs: [...base.inputs, ...parseFields("trajectory")],
    outputs: parseFields(`next_thought, next_tool_name: ${names}, next_tool_args: object`),
  });
}

function instructionsOf({ inputs, outputs }: Signature<unknown, unknown>, toolbox: Toolbox): string {
  const list = (fields: readonly Field[]): string => fields.map(({ name }) => `\`${name}\``).join(", ");
  const tools = toolbox.specs.map(
    ({ name, description, inputSchema }, i) =>
      `(${i + 1}) ${name}${described(description)}. It takes arguments ${JSON.stringify(inputSchema)}.`,
  );
  const done = `Ends the search: all that is needed to write ${list(outputs)} is known, or cannot be found.`;
  return [
    `You work as an agent, step by step, on ${list(inputs)}. \`trajectory\` shows the steps you have taken so far.`,
    `Use the tools to find out what is needed to produce ${list(outputs)}.`,
    "",
    "In each step write `next_thought`, `next_tool_name` and `next_tool_args`. The thought says what is known and what " +
      "to do next; the tool's result is the observation of the next trajectory. A tool may fail: read its error, and " +
      "try with other arguments or another tool. The tool must be one of:",
    "",
    ...tools,
    `(${tools.length + 1}) ${finish}${described(done)}. It takes arguments {}.`,
    "",
    "`next_tool_args` is a JSON object with the arguments of that tool.",
  ].join("\n");
}

const described = (description: string | undefined): string =>
  description ? `, whose description is <desc>${description.replace(/\s*\n\s*/g, "  ")}</desc>` : "";
