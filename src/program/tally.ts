import type { Completion, Cost, Usage } from "../core/completion.ts";

/** What several answers took together. */
export class Tally {
  #input = 0;
  #output = 0;
  #cached = 0;
  #written = 0;
  #reasoning = 0;
  #usd: number | undefined;
  #saved = 0;

  add({ usage, cost }: Completion): void {
    this.#input += usage.inputTokens;
    this.#output += usage.outputTokens;
    this.#cached += usage.cachedInputTokens;
    this.#written += usage.cacheWriteTokens;
    this.#reasoning += usage.reasoningTokens ?? 0;
    if (cost === undefined) return;
    this.#usd = (this.#usd ?? 0) + cost.usd;
    this.#saved += cost.saved;
  }

  get usage(): Usage {
    return {
      inputTokens: this.#input,
      outputTokens: this.#output,
      totalTokens: this.#input + this.#output,
      cachedInputTokens: this.#cached,
      cacheWriteTokens: this.#written,
      ...(this.#reasoning > 0 && { reasoningTokens: this.#reasoning }),
    };
  }

  /** Undefined where no answer had a price. */
  get cost(): Cost | undefined {
    return this.#usd === undefined ? undefined : { usd: this.#usd, saved: this.#saved };
  }
}
