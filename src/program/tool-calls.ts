import type { Clock } from "../core/clock.ts";
import { isTrunklineError, sideOf, TrunklineError } from "../core/errors.ts";
import type { ToolCall } from "../core/message.ts";
import { thrownText } from "../core/thrown.ts";
import { runInScope } from "../lm/scope.ts";
import type { ToolEvent } from "./events.ts";
import { onLeave } from "./leaving.ts";
import { runScope } from "./run-scope.ts";
import type { ReadyTool, ToolContext } from "./tool.ts";
import { argumentsOf } from "./tool-arguments.ts";
import { resultText } from "./tool-result.ts";
import type { Toolbox } from "./toolbox.ts";

type Values = Readonly<Record<string, unknown>>;

/** One tool call and what became of it. */
export interface ToolOutcome {
  readonly id: string;
  readonly name: string;
  readonly arguments: Values;
  /** What the tool returned, as JSON has it; absent where it failed. */
  readonly result?: unknown;
  /** What the model was told instead, where the tool failed or could not be called. */
  readonly error?: string;
}

/** How tools are run. */
export interface ToolRun {
  readonly clock: Clock;
  readonly onEvent?: ((event: ToolEvent) => void) | undefined;
}

/** An outcome, and the text of it that the model gets. */
export interface ToolAnswer {
  readonly outcome: ToolOutcome;
  readonly text: string;
}

/**
 * Runs the calls of one answer side by side; the answers come in the order of the calls. Whatever is wrong with a
 * tool (its name, its arguments, a throw, no answer in time, a result that is not JSON) is an answer for the model.
 * Only what no answer of the model could mend rejects, and stops the others: an abort, a deadline, a failure of the
 * provider's inside the tool, and a `tool` error that the tool itself threw.
 */
export async function runTools(
  toolbox: Toolbox,
  calls: readonly ToolCall[],
  run: ToolRun,
): Promise<readonly ToolAnswer[]> {
  const stop = new AbortController();
  try {
    return await runInScope({ signals: [stop.signal] }, () =>
      Promise.all(calls.map((call) => answerOf(toolbox, call, run))),
    );
  } catch (error) {
    stop.abort(error);
    throw error;
  }
}

async function answerOf(toolbox: Toolbox, call: ToolCall, { clock, onEvent }: ToolRun): Promise<ToolAnswer> {
  const { id, name, arguments: given } = call;
  const facts = { id, name, arguments: given };
  const scope = runScope();
  const noted = scope?.recorder?.tool(name, given, scope.parent);
  onEvent?.({ type: "tool", state: "called", ...facts });
  const ready = toolbox.get(name);
  const settled = ready === undefined ? unknownTool(toolbox, name) : await perform(ready, call, clock);
  if ("failure" in settled) {
    const error = settled.failure;
    if (noted !== undefined) noted.error = error;
    onEvent?.({ type: "tool", state: "failed", ...facts, error });
    return { outcome: Object.freeze({ ...facts, error }), text: `Error: ${error}` };
  }
  const { result, text } = settled;
  if (noted !== undefined) noted.result = result;
  onEvent?.({ type: "tool", state: "returned", ...facts, result });
  return { outcome: Object.freeze({ ...facts, result }), text };
}

/** How a call ended, for the model: with a result, or with what is wrong. */
type Settled = { readonly result: unknown; readonly text: string } | { readonly failure: string };

function unknownTool(toolbox: Toolbox, name: string): Settled {
  const names = toolbox.names.join(", ") || "none";
  return {
    failure: thrownText(`there is no tool ${JSON.stringify(name.slice(0, 128))}; the tools are: ${names}`),
  };
}

/** Rejects only with what ends the whole turn. */
function perform(ready: ReadyTool, call: ToolCall, clock: Clock): Promise<Settled> {
  return new Promise((resolve, reject) => {
    const controller = new AbortController();
    const left = (settle: () => void, why: unknown): void => {
      clean();
      settle();
      controller.abort(why);
    };
    const timer = clock.after(ready.timeout, () => {
      const failure = `${ready.name} gave no answer within ${ready.timeout} ms`;
      left(() => resolve({ failure }), new TrunklineError("timeout", failure, { phase: "total" }));
    });
    let unlink = (): void => {};
    const clean = (): void => {
      timer.cancel();
      unlink();
    };
    unlink = onLeave(clock, (error) => left(() => reject(error), error));
    if (controller.signal.aborted) return;
    runInScope({ signals: [controller.signal] }, () => settle(ready, call, controller.signal)).then(
      (settled) => {
        clean();
        resolve(settled);
      },
      (error) => {
        clean();
        reject(error);
      },
    );
  });
}

async function settle(ready: ReadyTool, call: ToolCall, signal: AbortSignal): Promise<Settled> {
  try {
    const input = await argumentsOf(ready, call);
    const context: ToolContext = { signal, abortSignal: signal, toolCallId: call.id };
    const came = await lastOf(ready.execute(input, context), signal);
    if (came instanceof Error) throw came;
    const text = resultText(came);
    return { result: typeof came === "string" ? text : JSON.parse(text), text };
  } catch (thrown) {
    if (isFatal(thrown)) throw thrown;
    return { failure: thrownText(thrown) };
  }
}

/** What no answer of the model could mend. */
function isFatal(thrown: unknown): boolean {
  return isTrunklineError(thrown) && (thrown.code === "tool" || sideOf(thrown) === "provider");
}

/** A tool may tell of its progress by yielding; its last word is its result. */
async function lastOf(came: unknown, signal: AbortSignal): Promise<unknown> {
  if (typeof came !== "object" || came === null || !(Symbol.asyncIterator in came)) return came;
  let last: unknown;
  for await (const part of came as AsyncIterable<unknown>) {
    last = part;
    if (signal.aborted) break;
  }
  return last;
}
