import type { Message } from "../core/message.ts";

/**
 * How a provider of OpenAI's format is told of shared prefixes: by their key alone, by OpenAI's breakpoints, or by
 * Anthropic's `cache_control`, which some take over.
 */
export type Marks = "key" | "breakpoints" | "cache_control";

/** Ends a reusable prefix right behind the part of a message that carries it. */
export const breakpoint: object = Object.freeze({ prompt_cache_breakpoint: { mode: "explicit" } });

export const cacheControl: object = Object.freeze({ cache_control: { type: "ephemeral" } });

/** Nothing is written to the cache but what ends at a breakpoint; without one, nothing is. */
export const onlyBreakpoints: object = Object.freeze({ mode: "explicit" });

/**
 * Which messages carry the marks of prefixes that end there or a little later: what users and systems say does,
 * what models and tools say does not everywhere.
 */
export function carriers(messages: readonly Message[], ends: readonly number[]): ReadonlySet<number> {
  const places = new Set<number>();
  for (const end of ends) {
    const place = messages.findLastIndex(({ role }, i) => i < end && (role === "user" || role === "system"));
    if (place >= 0) places.add(place);
  }
  return places;
}
