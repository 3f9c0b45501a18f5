import type { CallOptions } from "../core/call.ts";
import type { Completion } from "../core/completion.ts";
import type { ChatRequest } from "../core/request.ts";

/** What a driver can carry. A request that asks for more is refused before anything is sent. */
export interface Abilities {
  readonly images: boolean;
  readonly files: boolean;
  readonly tools: boolean;
  /** The strictest answer form that the backend itself can hold. */
  readonly responseFormat: "text" | "json" | "json_schema";
  /** Whether `n` above 1 is understood. */
  readonly choices: boolean;
}

/** What a driver is told about a call. Its signal is a real one, as `fetch` and others want it. */
export interface DriverOptions extends CallOptions {
  readonly signal?: AbortSignal;
}

/** Asks the backend once. */
export type DriverCall = (request: ChatRequest, options: DriverOptions) => Promise<Completion>;

/**
 * Speaks to one kind of backend. A driver may be naive: the guard around it owns start-up, the abilities, aborts,
 * deadlines that pass unheard, contract checks, foreign errors and late results. It should pass `options.signal`
 * on, call `options.onDelta` while the answer is written if that is there, and throw a TrunklineError where it
 * knows the code.
 *
 * ```ts
 * const echo: Driver = {
 *   name: "echo",
 *   abilities: { images: false, files: false, tools: false, responseFormat: "text", choices: false },
 *   async chat(request) {
 *     return completion(textOf(request.messages.at(-1)!.content), { model: request.model });
 *   },
 * };
 * ```
 */
export interface Driver {
  /** For errors, events and logs. */
  readonly name: string;
  readonly abilities: Abilities;
  /** The adapter for programs that name none, such as "json" where a schema becomes a grammar. */
  readonly prefers?: string;
  /** Runs once, before the first call; a failure is forgotten, so that the next call tries again. */
  readonly init?: () => Promise<void>;
  readonly chat: DriverCall;
  /** Answers requests with `embed`, by a completion with `vectors`. A driver without it is asked for none. */
  readonly embed?: DriverCall;
  /** Gives back what `init` took. */
  readonly close?: () => Promise<void>;
}

const own = new WeakSet<Driver>();

/**
 * Marks a driver of this package. Its answers need no second check and it hears the call's own small signal, which
 * saves the cost of both on every call.
 */
export function trusted<D extends Driver>(driver: D): D {
  own.add(driver);
  return driver;
}

/** Whether `trusted` marked it. */
export function isTrusted(driver: Driver): boolean {
  return own.has(driver);
}
