import type { Call } from "../core/call.ts";

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

/**
 * Speaks to one kind of backend. A driver may be naive: the guard around it owns start-up, abort, contract checks
 * and late results. It should pass `options.signal` on, call `options.onDelta` when it is there, and throw a
 * TrunklineError where it knows the code.
 */
export interface Driver {
  /** For errors, events and logs. */
  readonly name: string;
  readonly abilities: Abilities;
  /** Runs once, before the first call; a failure is forgotten, so that the next call tries again. */
  readonly init?: () => Promise<void>;
  readonly chat: Call;
  readonly close?: () => Promise<void>;
}
