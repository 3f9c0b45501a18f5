import { type Check, checkOptions, checks, wrongOption } from "../core/check.ts";
import { TrunklineError } from "../core/errors.ts";
import { EventStream } from "../core/event-stream.ts";
import type { UserMessage } from "../core/message.ts";
import { frozenCopy } from "../core/plain-copy.ts";
import type { LM } from "../lm/lm.ts";
import { type CallInit, callChecks } from "../lm/options.ts";
import { processClock } from "../lm/process.ts";
import { runInScope } from "../lm/scope.ts";
import { requireLM, scopeChecks } from "../lm/settings.ts";
import { type ChatReply, type TurnEvent, type TurnSettings, takeTurn } from "./chat-turn.ts";
import { type ChatMessage, noMessages, readHistory, readInput } from "./conversation.ts";
import { inRun } from "./in-run.ts";
import { ownLM } from "./own.ts";
import type { RunInit } from "./run-init.ts";
import { type Tool, type Tools, tool } from "./tool.ts";
import { toolboxOf } from "./toolbox.ts";
import { isInsideTurnOf } from "./turn-place.ts";
import { TurnQueue } from "./turn-queue.ts";
import { lmFor } from "./which-lm.ts";

/** What an LM's calls may say and an agent decides by itself. */
type OwnOptions = "tools" | "n" | "onDelta" | "signal" | "deadline" | "rolloutId";

/** What `new ChatAgent` takes. What a call may say (`temperature`, `maxTokens`, ...) holds for every turn. */
export interface ChatAgentOptions extends Omit<CallInit, OwnOptions> {
  /** Default: the LM of the run or module around each turn, of `context`, or of `configure`. */
  readonly lm?: LM;
  readonly system?: string;
  readonly tools?: Tools;
  /** A conversation to go on with, as `agent.history` gives it. */
  readonly history?: readonly ChatMessage[];
  /** Answers of a model that one turn may take, those of agents it hands off to included. Default 20. */
  readonly maxSteps?: number;
  /** About as many tokens of the conversation are kept and sent; beyond them the oldest turns go. Default: all. */
  readonly maxHistoryTokens?: number;
}

/** What one turn may say. */
export interface ChatInit extends RunInit, Omit<CallInit, OwnOptions | keyof RunInit> {}

/** What `agent.stream` yields: pieces of the answer and tool calls, and the reply at last. */
export type ChatEvent = TurnEvent | { readonly type: "reply"; readonly reply: ChatReply };

const { tools: _tools, n: _n, onDelta: _onDelta, signal, deadline, rolloutId, ...defaultChecks } = callChecks;
const optionChecks: Readonly<Record<string, Check>> = {
  ...defaultChecks,
  lm: () => undefined,
  system: checks.string,
  tools: () => undefined,
  history: () => undefined,
  maxSteps: checks.positiveCount,
  maxHistoryTokens: checks.positiveCount,
};
const initChecks: Readonly<Record<string, Check>> = {
  ...defaultChecks,
  ...scopeChecks,
  signal,
  deadline,
  rolloutId,
  lm: () => undefined,
};

const plainInit: ChatInit = Object.freeze({});
const plainCalls: CallInit = Object.freeze({});

/** How many turns may wait at one agent, unless `maxQueue` says otherwise. */
const mostWaiting = 100_000;

/**
 * A conversation with a model that may call tools. Cheap: one per row of data is fine, and it owns no connection.
 * Its turns take place one after another; one that fails or is aborted leaves the history as it was.
 *
 * ```ts
 * const agent = new ChatAgent({ lm, system: "You are a travel agent." });
 * const reply = await agent.run("Where should I go in May?");
 * console.log(reply.text, reply.usage.totalTokens, agent.history.length);
 * ```
 */
export class ChatAgent {
  readonly [ownLM]: LM | undefined;
  readonly #settings: TurnSettings;
  readonly #calls: CallInit;
  #history: readonly ChatMessage[];
  #queue: TurnQueue | undefined;

  constructor(options: ChatAgentOptions = {}) {
    checkOptions("ChatAgent", options, optionChecks);
    const {
      lm,
      system,
      tools,
      history,
      maxSteps = 20,
      maxHistoryTokens = Number.POSITIVE_INFINITY,
    } = options;
    this[ownLM] = "lm" in options ? requireLM("ChatAgent", lm) : undefined;
    this.#settings = Object.freeze({
      system: system === undefined ? undefined : Object.freeze({ role: "system", content: system } as const),
      toolbox: toolboxOf("ChatAgent", tools),
      maxSteps,
      maxHistoryTokens,
    });
    this.#calls = callsOf(options);
    this.#history = history === undefined ? noMessages : readHistory(history);
  }

  /** The conversation so far, as frozen plain data: what JSON keeps of it can be given to another agent. */
  get history(): readonly ChatMessage[] {
    return this.#history;
  }

  /**
   * One turn: the model answers, after as many calls of its tools as it wants.
   *
   * ```ts
   * const agent = new ChatAgent({ lm });
   * const { text, toolCalls } = await agent.run("What is the weather in Lima?", { deadline: 30_000 });
   * ```
   */
  async run(input: string | UserMessage, init: ChatInit = plainInit): Promise<ChatReply> {
    checkInit(init);
    return this.#turn(readInput(input), init, undefined);
  }

  /**
   * One turn that is watched: pieces of the answer, tool calls and their results, and at last the reply. Nothing is
   * sent before the first `next()` or the first look at `reply`; leaving the loop aborts the turn.
   *
   * ```ts
   * const agent = new ChatAgent({ lm });
   * for await (const event of agent.stream("Tell me a story.")) {
   *   if (event.type === "delta") process.stdout.write(event.text);
   *   if (event.type === "reply") console.log(event.reply.usage.totalTokens);
   * }
   * ```
   */
  stream(input: string | UserMessage, init: ChatInit = plainInit): ChatStream {
    checkInit(init);
    const message = readInput(input);
    return new ChatStream(async (push, left) => {
      const reply = await runInScope({ signals: [left] }, () => this.#turn(message, init, push));
      push({ type: "reply", reply });
      return reply;
    });
  }

  /**
   * This agent as a tool of another: each call is a turn that starts from this agent's history as it is then and
   * leaves it so. Calls do not wait for one another.
   *
   * ```ts
   * const lawyer = new ChatAgent({ lm, system: "You know the law." });
   * const desk = new ChatAgent({
   *   lm,
   *   tools: [lawyer.asTool({ name: "lawyer", description: "Answers questions about the law." })],
   * });
   * ```
   */
  asTool(options: { readonly name: string; readonly description?: string; readonly timeout?: number }): Tool {
    if (checks.plainObject(options) !== undefined)
      throw wrongOption("asTool", "{ name, description }", options);
    // The limits of the models' calls hold inside; a limit of its own would cut a long consultation short.
    const { name, description, timeout = Number.POSITIVE_INFINITY } = options;
    const consult = async (message: string): Promise<string> => {
      const { reply } = await this.#take(readInput(message), plainInit, undefined, name);
      return reply.text;
    };
    return tool({
      name,
      ...(description !== undefined && { description }),
      timeout,
      inputSchema: handOffSchema,
      execute: ({ message }) => consult(message as string),
    });
  }

  async #turn(
    message: UserMessage,
    init: ChatInit,
    emit: ((event: TurnEvent) => void) | undefined,
  ): Promise<ChatReply> {
    if (isInsideTurnOf(this)) {
      const text =
        "ChatAgent: a turn was started inside a turn of the same agent, and would wait for it for ever";
      throw new TrunklineError("config", `${text}; use another agent, or agent.asTool(...)`);
    }
    this.#queue ??= new TurnQueue();
    const queue = this.#queue;
    return inRun(runOf(init), async () => {
      await queue.enter(processClock(), init.maxQueue ?? this.#calls.maxQueue ?? mostWaiting);
      try {
        const { reply, history } = await this.#take(message, init, emit, "the agent");
        this.#history = history;
        return reply;
      } finally {
        queue.leave();
      }
    });
  }

  #take(
    message: UserMessage,
    init: ChatInit,
    emit: ((event: TurnEvent) => void) | undefined,
    name: string,
  ): ReturnType<typeof takeTurn> {
    return takeTurn({
      agent: this,
      name,
      settings: this.#settings,
      history: this.#history,
      message,
      lm: lmFor(this, init.lm),
      call: init === plainInit ? this.#calls : { ...this.#calls, ...callsOf(init) },
      clock: processClock(),
      emit,
    });
  }
}

/** A turn of a ChatAgent while it goes on: its events, and a promise of its reply. */
export class ChatStream extends EventStream<ChatEvent, ChatReply> {
  constructor(start: ConstructorParameters<typeof EventStream<ChatEvent, ChatReply>>[0]) {
    super(start, merge);
  }

  /** The reply. Asking for it starts the turn; it never becomes an unhandled rejection. */
  get reply(): Promise<ChatReply> {
    return this.result;
  }
}

/** Two pieces of one answer as one. */
function merge(a: ChatEvent, b: ChatEvent): ChatEvent | undefined {
  if (a.type !== "delta" || b.type !== "delta") return undefined;
  const reasoning = (a.reasoning ?? "") + (b.reasoning ?? "");
  return { type: "delta", text: a.text + b.text, ...(reasoning !== "" && { reasoning }) };
}

const handOffSchema = Object.freeze({
  type: "object",
  properties: { message: { type: "string", description: "Everything the other needs to know." } },
  required: ["message"],
  additionalProperties: false,
});

function checkInit(init: ChatInit): void {
  if (init === plainInit) return;
  checkOptions("ChatAgent: run", init, initChecks);
  if ("lm" in init) requireLM("ChatAgent: run({ lm })", init.lm);
}

/** What options say of each call of the LM, copied. */
function callsOf(options: ChatAgentOptions | ChatInit): CallInit {
  let calls: Record<string, unknown> | undefined;
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || !Object.hasOwn(defaultChecks, name)) continue;
    calls ??= {};
    calls[name] = name === "cache" ? value : frozenCopy(value, `ChatAgent: ${name}`);
  }
  return calls === undefined ? plainCalls : Object.freeze(calls);
}

/** What an init says of everything inside the turn. */
function runOf({ signal, deadline, rolloutId, temperature, cache, adapter, lm }: ChatInit): RunInit {
  return { signal, deadline, rolloutId, temperature, cache, adapter, lm } as RunInit;
}
