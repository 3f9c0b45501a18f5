import { availableParallelism } from "node:os";
import { type Completion, completion } from "../../core/completion.ts";
import { TrunklineError } from "../../core/errors.ts";
import type { ChatRequest } from "../../core/request.ts";
import type { DriverOptions } from "../driver.ts";
import { Grammars } from "./grammars.ts";
import { historyOf, systemOf } from "./history.ts";
import type { Chat, Chunk, HistoryItem, Llama, LlamaModule, Model, Tokens } from "./module.ts";
import { type Seat, Seats } from "./seats.ts";
import { SharedPrefix } from "./shared-prefix.ts";

export interface EngineOptions {
  readonly path: string;
  readonly sequences: number;
  readonly contextSize: number;
  readonly threads: number | undefined;
}

/** System prompts whose tokens are remembered. */
const mostPrefixes = 16;

/** One loaded model, with its sequences. */
export class Engine {
  readonly #llama: Llama;
  readonly #model: Model;
  readonly #grammars: Grammars;
  readonly #seats: Seats;
  readonly #shared: SharedPrefix;
  readonly #prefixes = new Map<string, Tokens>();
  /** Renders prompts; any sequence's chat does. */
  readonly #writer: Chat;

  private constructor(llama: Llama, model: Model, seats: readonly Seat[], shared: SharedPrefix) {
    this.#llama = llama;
    this.#model = model;
    this.#grammars = new Grammars(llama);
    this.#seats = new Seats(seats);
    this.#shared = shared;
    this.#writer = seats[0]!.chat;
  }

  static async load(module: LlamaModule, options: EngineOptions): Promise<Engine> {
    const maxThreads = options.threads ?? spareCores();
    const llama = await module.getLlama({
      build: "never",
      progressLogs: false,
      logLevel: "error",
      maxThreads,
    });
    const threads = options.threads ?? Math.max(1, Math.min(maxThreads, llama.cpuMathCores));
    const model = await llama.loadModel({ modelPath: options.path });
    const context = await model.createContext({
      sequences: options.sequences + 1,
      contextSize: { max: options.contextSize },
      threads,
    });
    const shared = new SharedPrefix(context.getSequence());
    const seats = Array.from({ length: options.sequences }, (): Seat => {
      const sequence = context.getSequence();
      return { sequence, chat: new module.LlamaChat({ contextSequence: sequence }) };
    });
    return new Engine(llama, model, seats, shared);
  }

  async chat(request: ChatRequest, options: DriverOptions): Promise<Completion> {
    const { signal } = options;
    const grammar = await this.#grammars.of(request.responseFormat);
    const history = historyOf(request.messages);
    const prompt = this.#tokensOf(history);
    const seat = await this.#seats.take(prompt, signal);
    try {
      const prefix = this.#prefixOf(systemOf(request.messages), prompt);
      const evaluated = await this.#shared.share(prefix, seat.sequence);
      signal?.throwIfAborted();
      const held = seat.sequence.compareContextTokens(prompt).firstDifferentIndex;
      const cached = Math.max(0, Math.min(held, prompt.length - 1) - evaluated);
      return await this.#write(seat, request, options, history, { prompt: prompt.length, cached, grammar });
    } finally {
      this.#seats.give(seat);
    }
  }

  dispose(): Promise<void> {
    return this.#llama.dispose();
  }

  async #write(
    { sequence, chat }: Seat,
    request: ChatRequest,
    options: DriverOptions,
    history: readonly HistoryItem[],
    facts: { readonly prompt: number; readonly cached: number; readonly grammar: object | undefined },
  ): Promise<Completion> {
    const room = sequence.contextSize - facts.prompt;
    if (room < 1) throw tooLong(request, facts.prompt, sequence.contextSize);
    const said = new Said(options);
    const { metadata } = await chat.generateResponse(history, {
      signal: options.signal,
      // Never beyond the context: the package would drop the conversation's beginning, silently.
      maxTokens: Math.min(request.maxTokens ?? room, room),
      temperature: request.temperature,
      topP: request.topP,
      seed: request.seed,
      customStopTriggers: request.stop,
      grammar: facts.grammar,
      onResponseChunk: said.hear,
    });
    const { stopReason } = metadata;
    return completion(said.text, {
      model: request.model,
      inputTokens: facts.prompt,
      cachedInputTokens: facts.cached,
      outputTokens: said.tokens,
      finishReason: stopReason === "maxTokens" ? "length" : "stop",
      rawFinishReason: stopReason,
      ...(said.reasoning !== "" && { reasoning: said.reasoning }),
    });
  }

  /** The tokens of a system prompt, as far as they do not depend on what follows. */
  #prefixOf(system: string, prompt: Tokens): Tokens {
    if (system === "") return [];
    let prefix = this.#prefixes.get(system);
    if (prefix === undefined) {
      const [a, b] = ["A", "1"].map((text) =>
        this.#tokensOf([
          { type: "system", text: system },
          { type: "user", text },
        ]),
      );
      prefix = a!.slice(0, sameStart(a!, b!));
      if (this.#prefixes.size >= mostPrefixes) this.#prefixes.delete(this.#prefixes.keys().next().value!);
      this.#prefixes.set(system, prefix);
    }
    return prefix.slice(0, sameStart(prefix, prompt));
  }

  #tokensOf(chatHistory: readonly HistoryItem[]): Tokens {
    const { contextText } = this.#writer.chatWrapper.generateContextState({ chatHistory });
    return contextText.tokenize(this.#model.tokenizer);
  }
}

/**
 * All cores but one, which is for the program itself. Threads of llama.cpp spin while they wait for each other: one
 * more than there are free cores makes it ten times slower and worse, and left alone it takes more than there are.
 */
function spareCores(): number {
  return Math.max(1, availableParallelism() - 1);
}

/** What one call has said so far. */
class Said {
  readonly #onDelta: DriverOptions["onDelta"];
  text = "";
  reasoning = "";
  tokens = 0;

  constructor({ onDelta }: DriverOptions) {
    this.#onDelta = onDelta;
  }

  readonly hear = ({ type, text, tokens }: Chunk): void => {
    this.tokens += tokens.length;
    if (text === "") return;
    if (type === "segment") this.reasoning += text;
    else this.text += text;
    this.#onDelta?.(type === "segment" ? { text: "", reasoning: text } : { text });
  };
}

/** How many tokens two texts begin with in common. */
function sameStart(a: Tokens, b: Tokens): number {
  let same = 0;
  while (same < a.length && same < b.length && a[same] === b[same]) same++;
  return same;
}

function tooLong({ model }: ChatRequest, prompt: number, size: number): TrunklineError {
  return new TrunklineError(
    "context_length",
    `the prompt has ${prompt} tokens, the context has room for ${size}; shorten the prompt`,
    { provider: "llama-cpp", model, sent: false },
  );
}
