import type { Clock } from "../core/clock.ts";
import type { Completion, Cost, FinishReason, Usage } from "../core/completion.ts";
import { isTrunklineError, TrunklineError } from "../core/errors.ts";
import type { AssistantMessage, Message, SystemMessage, UserMessage } from "../core/message.ts";
import { frozenCopy } from "../core/plain-copy.ts";
import { thrownText } from "../core/thrown.ts";
import type { LM } from "../lm/lm.ts";
import type { CallInit } from "../lm/options.ts";
import { currentScope, runInScope } from "../lm/scope.ts";
import type { ChatMessage } from "./conversation.ts";
import type { ToolEvent } from "./events.ts";
import { withoutOldest } from "./history-limit.ts";
import { runScope } from "./run-scope.ts";
import { Tally } from "./tally.ts";
import { runTools, type ToolOutcome } from "./tool-calls.ts";
import type { Toolbox } from "./toolbox.ts";
import { checkSteps, inTurn, type Place, takeStep } from "./turn-place.ts";

/** What an agent answered in one turn. */
export interface ChatReply {
  readonly text: string;
  /** The last message, as it stands in the history. */
  readonly message: AssistantMessage;
  /** Every tool call of the turn, in order, and what became of it. */
  readonly toolCalls: readonly ToolOutcome[];
  /** Why the model stopped; after "length" the text is cut. */
  readonly finishReason: FinishReason;
  /** Of all answers in this turn, those of its tools and of agents behind them included. */
  readonly usage: Usage;
  /** Undefined where no price is known. */
  readonly cost?: Cost;
}

/** What a stream of a turn shows before the reply. */
export type TurnEvent =
  | { readonly type: "delta"; readonly text: string; readonly reasoning?: string }
  | ToolEvent;

/** What every turn of an agent goes by. */
export interface TurnSettings {
  readonly system: SystemMessage | undefined;
  readonly toolbox: Toolbox;
  readonly maxSteps: number;
  readonly maxHistoryTokens: number;
}

/** What one turn is given. */
export interface TurnTask {
  readonly agent: object;
  /** How the agent is called where others hand off to it. */
  readonly name: string;
  readonly settings: TurnSettings;
  readonly history: readonly ChatMessage[];
  readonly message: UserMessage;
  readonly lm: LM;
  readonly call: CallInit;
  readonly clock: Clock;
  readonly emit: ((event: TurnEvent) => void) | undefined;
}

/** One turn: asks the model, runs the tools it wants, and asks again, until it answers. */
export async function takeTurn(task: TurnTask): Promise<{
  readonly reply: ChatReply;
  readonly history: readonly ChatMessage[];
}> {
  const { agent, name, settings, history, message } = task;
  const tally = new Tally();
  const heard = currentScope()?.onAnswer;
  const onAnswer = (answer: Completion): void => {
    tally.add(answer);
    heard?.(answer);
  };
  const turn: ChatMessage[] = [message];
  const outcomes: ToolOutcome[] = [];
  const { said, answer } = await runInScope({ onAnswer }, () =>
    inTurn({ agent, name, maxSteps: settings.maxSteps }, (place) =>
      recorded(task, tally, (onAsk) =>
        converse({ ...task, emit: watched(task), onAsk }, place, turn, outcomes),
      ),
    ),
  );
  const { usage, cost } = tally;
  const reply: ChatReply = Object.freeze({
    text: said.content,
    message: said,
    toolCalls: Object.freeze(outcomes),
    finishReason: answer.choices[0]!.finishReason,
    usage,
    ...(cost && { cost }),
  });
  const earlier = withoutOldest(history, turn, settings.maxHistoryTokens);
  return { reply, history: Object.freeze([...earlier, ...turn]) };
}

/** The turn's own stream, and that of a module around it, where its text is a field. */
function watched({ agent, emit }: TurnTask): TurnTask["emit"] {
  const around = runScope()?.emit;
  if (around === undefined) return emit;
  return (event) => {
    emit?.(event);
    if (event.type === "tool") around(agent, event);
    else if (event.text !== "") around(agent, { type: "delta", field: "text", text: event.text });
  };
}

interface LastAnswer {
  readonly said: AssistantMessage;
  readonly answer: Completion;
}

type OnAsk = (messages: readonly Message[]) => void;

/** Takes a turn down in the trace of the run around it, if there is one, as the call of a predictor. */
async function recorded(
  { agent, message }: TurnTask,
  tally: Tally,
  run: (onAsk: OnAsk) => Promise<LastAnswer>,
): Promise<LastAnswer> {
  const { recorder, parent } = runScope() ?? {};
  if (recorder === undefined) return run(() => {});
  const facts = {
    signature: "message -> text",
    inputs: { message: message.content },
    messages: [],
    reasks: 0,
  };
  const entry = recorder.predictor(agent, facts, parent);
  try {
    const last = await run((messages) => {
      entry.messages = messages;
    });
    const { content: text, reasoning } = last.said;
    const { model, cacheHit } = last.answer;
    const { usage, cost } = tally;
    Object.assign(entry, { outputs: { text }, answer: text, model, cacheHit, usage });
    if (cost) entry.cost = cost;
    if (reasoning) entry.reasoning = reasoning;
    return last;
  } catch (error) {
    entry.error = { ...(isTrunklineError(error) && { code: error.code }), message: thrownText(error) };
    throw error;
  }
}

async function converse(
  task: TurnTask & { readonly onAsk: OnAsk },
  place: Place,
  turn: ChatMessage[],
  outcomes: ToolOutcome[],
): Promise<LastAnswer> {
  const { settings, clock, emit } = task;
  for (;;) {
    takeStep(place);
    const answer = await ask(task, turn);
    const said = kept(answer.choices[0]!.message);
    turn.push(said);
    if (said.toolCalls === undefined || said.toolCalls.length === 0) return { said, answer };
    checkWhole(answer);
    // No tool runs whose result no model would see any more.
    checkSteps(place);
    for (const { outcome, text } of await runTools(settings.toolbox, said.toolCalls, {
      clock,
      onEvent: emit,
    })) {
      outcomes.push(outcome);
      turn.push(Object.freeze({ role: "tool", toolCallId: outcome.id, content: text }));
    }
  }
}

function ask(task: TurnTask & { readonly onAsk: OnAsk }, turn: readonly ChatMessage[]): Promise<Completion> {
  const { settings, history, lm, call, emit, onAsk } = task;
  const { system, toolbox } = settings;
  const earlier = withoutOldest(history, turn, settings.maxHistoryTokens);
  const messages = [...(system === undefined ? [] : [system]), ...earlier, ...turn];
  onAsk(messages);
  const { toolChoice } = call;
  // A choice that forces a tool holds for the first step; it would never let the model answer.
  const later = turn.length > 1 && toolChoice !== undefined && toolChoice !== "none";
  return lm.call(
    { messages },
    {
      ...call,
      ...(later && { toolChoice: "auto" }),
      ...(toolbox.specs.length > 0 && { tools: toolbox.specs }),
      ...(emit && {
        onDelta: ({ text, reasoning, choice = 0 }) => {
          if (choice !== 0 || (text === "" && !reasoning)) return;
          emit({ type: "delta", text, ...(reasoning && { reasoning }) });
        },
      }),
    },
  );
}

/**
 * The message as it goes into the history: frozen, with an id of its own for each tool call; some backends send
 * none, or one for all.
 */
function kept(message: AssistantMessage): AssistantMessage {
  const { toolCalls } = message;
  const ids = new Set(toolCalls?.map(({ id }) => id));
  const isClear = toolCalls === undefined || (ids.size === toolCalls.length && !ids.has(""));
  const own = isClear
    ? message
    : { ...message, toolCalls: toolCalls.map((call, i) => ({ ...call, id: `${call.id || "call"}_${i}` })) };
  return frozenCopy(own, "the model's answer", "bad_request");
}

/** A call that was cut may lack half its arguments: it must not run. */
function checkWhole(answer: Completion): void {
  const { finishReason } = answer.choices[0]!;
  if (finishReason !== "length" && finishReason !== "content_filter") return;
  const text = `the answer ended (${finishReason}) while the model called tools, none of which was run; raise maxTokens`;
  throw new TrunklineError("incomplete", text, { retryable: false, partial: answer });
}
