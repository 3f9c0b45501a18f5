import type { Leave } from "../core/signals.ts";

/** A Client's calls in flight. Says when the first comes and when the last has gone. */
export class OpenCalls extends Set<Leave> {
  readonly #onBusy: () => void;
  readonly #onQuiet: () => void;

  constructor(onBusy: () => void, onQuiet: () => void) {
    super();
    this.#onBusy = onBusy;
    this.#onQuiet = onQuiet;
  }

  override add(leave: Leave): this {
    if (this.size === 0) this.#onBusy();
    return super.add(leave);
  }

  override delete(leave: Leave): boolean {
    const was = super.delete(leave);
    if (was && this.size === 0) this.#onQuiet();
    return was;
  }
}
