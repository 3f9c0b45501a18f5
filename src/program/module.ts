import { TrunklineError } from "../core/errors.ts";
import type { LM } from "../lm/lm.ts";
import { processClock } from "../lm/process.ts";
import { requireLM } from "../lm/settings.ts";
import { cloneOf } from "./clone.ts";
import { inRun, traced } from "./in-run.ts";
import { unlessLeft } from "./leaving.ts";
import { invoke, nameOf, origin, ownLM } from "./own.ts";
import { modulesOf, namedPredictorsOf, type Predictor } from "./predictors.ts";
import { batchOf, eachOf, type ProgramRow, type ProgramRowsOptions, type Source } from "./rows.ts";
import { checkInit, plainRun, type RunInit } from "./run-init.ts";
import { runScope, withRunScope } from "./run-scope.ts";
import type { About, Origin } from "./state.ts";
import { type LoadOptions, loadState, saveState } from "./state-file.ts";
import { ProgramStream } from "./stream.ts";
import type { Trace } from "./trace.ts";

/** What a module's `forward` takes. */
export type InputOf<M extends { forward(inputs: never): unknown }> = Parameters<M["forward"]>[0];

/** What a module's `forward` gives. */
export type PredictionOf<M extends { forward(inputs: never): unknown }> = Awaited<ReturnType<M["forward"]>>;

/**
 * A program: predictors and other modules in fields, and a `forward` that uses them. `call` and its kin take what
 * `forward` takes and give what it gives. Call a module by them, not by `forward`: they bring the LM, the signal
 * and the trace to everything inside.
 *
 * ```ts
 * class Pipeline extends Module {
 *   extract = new Predict("document -> facts: string[]");
 *   judge = new ChainOfThought("facts: string[], question -> verdict: boolean");
 *   constructor(lm: LM) {
 *     super();
 *     this.setLM(lm);
 *   }
 *   async forward({ document, question }: { document: string; question: string }) {
 *     const { facts } = await this.extract.call({ document });
 *     return this.judge.call({ facts, question });
 *   }
 * }
 * const pipeline = new Pipeline(getSharedLM());
 * const { verdict } = await pipeline.call({ document: "...", question: "Is it so?" });
 * ```
 */
export abstract class Module {
  declare [ownLM]?: LM;
  declare [origin]?: Origin;

  /** What the program does with one set of inputs. */
  abstract forward(inputs: never): unknown;

  /** Runs the program once. */
  call<M extends Module>(this: M, inputs: InputOf<M>, init: RunInit = plainRun): Promise<PredictionOf<M>> {
    try {
      return this[invoke](inputs, checkInit(`${nameOf(this)}.call`, init)) as Promise<PredictionOf<M>>;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Runs the program once and gives the prediction together with its trace. Where it rejects, `traceOf(error)` has
   * the trace up to there.
   */
  async run<M extends Module>(
    this: M,
    inputs: InputOf<M>,
    init: RunInit = plainRun,
  ): Promise<{ readonly prediction: PredictionOf<M>; readonly trace: Trace }> {
    checkInit(`${nameOf(this)}.run`, init);
    const { value, trace } = await traced(() => this[invoke](inputs, init), this);
    return { prediction: value as PredictionOf<M>, trace };
  }

  /**
   * Runs the program over rows, side by side, and gives every outcome in order.
   *
   * ```ts
   * const program = new Predict("sentence -> emotion: 'joy' | 'anger' | 'fear'");
   * for (const row of await program.batch([{ sentence: "Hurray!" }], { lm, concurrency: 100 })) {
   *   console.log(row.index, row.prediction?.emotion ?? row.error);
   * }
   * ```
   */
  batch<M extends Module>(
    this: M,
    inputs: Source<InputOf<M>>,
    options: ProgramRowsOptions = {},
  ): Promise<ProgramRow<InputOf<M>, PredictionOf<M>>[]> {
    return batchOf<InputOf<M>, PredictionOf<M>>(this, inputs, options);
  }

  /** Runs the program over rows and yields their outcomes in order, while the source is read: memory stays flat. */
  each<M extends Module>(
    this: M,
    inputs: Source<InputOf<M>>,
    options: ProgramRowsOptions = {},
  ): AsyncGenerator<ProgramRow<InputOf<M>, PredictionOf<M>>, void, undefined> {
    return eachOf<InputOf<M>, PredictionOf<M>>(this, inputs, options);
  }

  /**
   * Runs the program once and yields its fields while they are written, the prediction last. Nothing starts before
   * the first `next()` or the first look at `prediction`; leaving the loop aborts the run.
   *
   * ```ts
   * const story = new Predict("topic -> story");
   * for await (const event of story.stream({ topic: "the sea" }, { lm })) {
   *   if (event.type === "delta") process.stdout.write(event.text);
   * }
   * ```
   */
  stream<M extends Module>(
    this: M,
    inputs: InputOf<M>,
    init: RunInit = plainRun,
  ): ProgramStream<PredictionOf<M>> {
    checkInit(`${nameOf(this)}.stream`, init);
    return new ProgramStream<PredictionOf<M>>(this, (run) => run(() => this[invoke](inputs, init)));
  }

  /**
   * The LM of every predictor and module inside. It is remembered, and holds for those that are found later, such
   * as the fields of a subclass.
   */
  setLM(lm: LM): this {
    requireLM(`${nameOf(this)}.setLM(lm)`, lm);
    for (const { module } of modulesOf(this)) module[ownLM] = lm;
    return this;
  }

  /**
   * The predictors inside with their names, as DSPy writes them: `judge.predict`, `steps[0]`, `tools['a']`; a
   * predictor itself is `self`. One in a `#private` field cannot be found.
   */
  namedPredictors(): [name: string, predictor: Predictor][] {
    return namedPredictorsOf(this);
  }

  /**
   * Writes instructions, demos and sampling options of every predictor as one JSON file, which DSPy reads too. It
   * holds no code and no key.
   */
  save(path: string | URL, about: About = this[origin] ?? {}): Promise<void> {
    return saveState(this, path, about);
  }

  /**
   * Reads a file of `save`, or of DSPy's, and lays it onto this program: all of it, or nothing and a `state` error
   * that lists what differs. The LM stays as it is. Gives what the file says of where it came from.
   */
  async load(path: string | URL, options: LoadOptions = {}): Promise<Origin> {
    const from = await loadState(this, path, options);
    this[origin] = from;
    return from;
  }

  /**
   * A copy whose fields, containers and modules are its own, while LMs and everything else is shared. A class with
   * `#private` fields, or with functions that capture `this`, overrides it: those cannot be copied from outside.
   */
  clone(): this {
    return cloneOf(this);
  }

  /** One call, however it was asked for; `init` was checked. */
  async [invoke](inputs: unknown, init: RunInit): Promise<unknown> {
    if (typeof this.forward !== "function") {
      throw new TrunklineError("config", `${nameOf(this)} has no forward(inputs), which a Module needs`);
    }
    return inRun(init, () => {
      const scope = runScope();
      const enclosing = { module: this, outer: scope?.enclosing };
      const id = scope?.recorder?.module(this, scope.parent);
      const inside = { ...scope, enclosing, ...(id !== undefined && { parent: id }) };
      const run = async (): Promise<unknown> => this.forward(inputs as never);
      // Calls of LMs hear it by themselves; whatever else `forward` waits for need not.
      const mayLeave = init.signal !== undefined || init.deadline !== undefined;
      return withRunScope(inside, () => (mayLeave ? unlessLeft(processClock(), run) : run()));
    });
  }
}
