import type { Clock } from "../../core/clock.ts";
import { usageOf } from "../../core/completion.ts";
import type { ToolCall } from "../../core/message.ts";
import type { Refusal, SimulatedAnswer, SimulatedChoice } from "./answer.ts";
import { hashText, seededRandom } from "./chance.ts";
import { type Limits, RateLimits } from "./limits.ts";
import { PrefixCache, type PrefixCacheOptions } from "./prefix-cache.ts";
import { prose } from "./prose.ts";
import type { Question } from "./question.ts";
import { valueFor } from "./schema-value.ts";
import { charactersPerToken, countTokens, promptOf, tokensOf } from "./tokens.ts";

export interface SimulatedModelOptions extends Limits {
  readonly clock: Clock;
  /** Equal seeds and requests give equal answers. Default 0. */
  readonly seed?: number;
  /** Milliseconds to the first token, and for each further one. Default 200 and 10. */
  readonly latency?: { readonly firstTokenMs?: number; readonly perTokenMs?: number };
  /** About how long an answer is. Default 32. */
  readonly answerTokens?: number;
  /** Writes the answers' text; by default the model makes up a few sentences. */
  readonly answer?: (question: Question) => string;
  /** The provider's own prompt cache. Default: none. */
  readonly prefixCache?: PrefixCacheOptions | false;
  /** Refuses requests at will; `number` counts from 1. */
  readonly refuse?: (question: Question, number: number) => Refusal | undefined;
}

export interface SimulatedStats {
  readonly requests: number;
  /** Answered 429, by the limits. */
  readonly rateLimited: number;
  /** Prompt tokens read from the prefix cache, written to it, and neither. */
  readonly readTokens: number;
  readonly writtenTokens: number;
  readonly plainTokens: number;
  readonly outputTokens: number;
}

/**
 * A model of a model: deterministic answers, tokens counted at 4 characters each, limits and a prompt cache that
 * behave as real providers' do. It takes no time itself; whoever asks it waits as the answer says.
 */
export class SimulatedModel {
  readonly #options: SimulatedModelOptions;
  readonly #limits: RateLimits;
  readonly #cache: PrefixCache | undefined;
  readonly #stats = {
    requests: 0,
    rateLimited: 0,
    readTokens: 0,
    writtenTokens: 0,
    plainTokens: 0,
    outputTokens: 0,
  };

  constructor(options: SimulatedModelOptions) {
    this.#options = options;
    this.#limits = new RateLimits(options.clock, options);
    if (options.prefixCache) this.#cache = new PrefixCache(options.clock, options.prefixCache);
  }

  get stats(): SimulatedStats {
    return { ...this.#stats };
  }

  /** The answer, or the refusal, to a request that arrives now. */
  ask(question: Question): SimulatedAnswer | Refusal {
    const number = ++this.#stats.requests;
    const refused = this.#options.refuse?.(question, number);
    if (refused !== undefined) return refused;
    const prompt = promptOf(question);
    const choices = this.#choices(question, prompt);
    const inputTokens = countTokens(prompt);
    const outputTokens = choices.reduce((sum, choice) => sum + choice.tokens.length, 0);
    const wait = this.#limits.take(inputTokens + (question.maxTokens ?? outputTokens));
    if (wait > 0) {
      this.#stats.rateLimited++;
      return rateLimited(wait, this.#limits.headers());
    }
    return this.#answer(question, prompt, choices, { inputTokens, outputTokens }, number);
  }

  #answer(
    question: Question,
    prompt: string,
    choices: readonly SimulatedChoice[],
    { inputTokens, outputTokens }: { inputTokens: number; outputTokens: number },
    number: number,
  ): SimulatedAnswer {
    const stats = this.#stats;
    const use = this.#cache?.use(question.model, prompt);
    const cachedInputTokens = use?.readTokens ?? 0;
    const cacheWriteTokens = use?.writeTokens ?? 0;
    stats.readTokens += cachedInputTokens;
    stats.writtenTokens += cacheWriteTokens;
    stats.plainTokens += inputTokens - cachedInputTokens - cacheWriteTokens;
    stats.outputTokens += outputTokens;
    const { firstTokenMs = 200, perTokenMs = 10 } = this.#options.latency ?? {};
    const longest = choices.reduce((most, choice) => Math.max(most, choice.tokens.length), 1);
    return {
      id: `sim-${number}`,
      model: question.model,
      choices,
      usage: usageOf({ inputTokens, outputTokens, cachedInputTokens, cacheWriteTokens }),
      headers: this.#limits.headers(),
      firstTokenMs,
      totalMs: firstTokenMs + (longest - 1) * perTokenMs,
      begin: () => use?.publish(),
    };
  }

  #choices(question: Question, prompt: string): SimulatedChoice[] {
    const { seed = 0, answerTokens = 32, answer } = this.#options;
    const base = hashText(seed ^ (question.seed ?? 0), `${question.model}\n${prompt}`);
    return Array.from({ length: question.n ?? 1 }, (_, index) => {
      const random = seededRandom(base + index);
      const tool = toolAsked(question);
      if (tool !== undefined) return calling(tool.name, valueFor(tool.inputSchema, random), index);
      const text =
        answer?.(question) ??
        formatted(question, random) ??
        prose(random, answerTokens * charactersPerToken * (0.5 + random()));
      return saying(text, question);
    });
  }
}

/** See {@link SimulatedModel}. */
export function simulatedModel(options: SimulatedModelOptions): SimulatedModel {
  return new SimulatedModel(options);
}

/** The tool that the request insists on; a tool that may be called is not. */
function toolAsked({ tools, toolChoice }: Question): NonNullable<Question["tools"]>[number] | undefined {
  if (toolChoice === "required") return tools?.[0];
  return typeof toolChoice === "object" ? tools?.find((tool) => tool.name === toolChoice.tool) : undefined;
}

function formatted({ responseFormat }: Question, random: () => number): string | undefined {
  if (responseFormat?.type === "json") return JSON.stringify({ answer: prose(random, 1) });
  if (responseFormat?.type === "json_schema") return JSON.stringify(valueFor(responseFormat.schema, random));
}

function calling(name: string, value: unknown, index: number): SimulatedChoice {
  const argumentsText = JSON.stringify(value);
  const toolCall = { id: `call-${index}`, name, arguments: value as ToolCall["arguments"], argumentsText };
  return { text: "", tokens: tokensOf(argumentsText), finishReason: "tool_calls", toolCall };
}

function saying(whole: string, { stop, maxTokens }: Question): SimulatedChoice {
  const ends = (stop ?? []).map((word) => whole.indexOf(word)).filter((at) => at >= 0);
  const text = whole.slice(0, Math.min(whole.length, ...ends));
  const tokens = tokensOf(text);
  if (maxTokens === undefined || tokens.length <= maxTokens) return { text, tokens, finishReason: "stop" };
  const kept = tokens.slice(0, maxTokens);
  return { text: kept.join(""), tokens: kept, finishReason: "length" };
}

function rateLimited(waitMs: number, headers: Record<string, string>): Refusal {
  if (waitMs === Number.POSITIVE_INFINITY) {
    const error = {
      message: "Request too large for the limit of a minute",
      type: "tokens",
      code: "request_too_large",
    };
    return { status: 413, headers, error };
  }
  return {
    status: 429,
    headers: {
      ...headers,
      "retry-after": String(Math.ceil(waitMs / 1_000)),
      "retry-after-ms": String(Math.ceil(waitMs)),
    },
    error: {
      message: `Rate limit reached. Please try again in ${(waitMs / 1_000).toFixed(3)}s.`,
      type: "requests",
      code: "rate_limit_exceeded",
    },
  };
}
