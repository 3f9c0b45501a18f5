import type { Sequence, Tokens } from "./module.ts";

/** Below this a copy is no cheaper than evaluating. */
const fewestTokens = 16;

/**
 * A sequence that never writes: it holds the system prompt that is asked for now, evaluated once, and others take
 * its state over. One at a time uses it, so that it is never copied while it changes.
 */
export class SharedPrefix {
  readonly #root: Sequence;
  #last: Promise<unknown> = Promise.resolve();

  constructor(root: Sequence) {
    this.#root = root;
  }

  /** Brings `prefix` into a sequence; says how many tokens of it this call evaluated. */
  share(prefix: Tokens, into: Sequence): Promise<number> {
    if (into._copyStateFromOtherSequence === undefined || prefix.length < fewestTokens) return nothing;
    const held = into.compareContextTokens(prefix).firstDifferentIndex;
    if (held >= prefix.length) return nothing;
    const shared = this.#last.then(() => this.#copy(prefix, into));
    this.#last = shared.catch(() => {});
    return shared;
  }

  async #copy(prefix: Tokens, into: Sequence): Promise<number> {
    const evaluated = await this.#hold(prefix);
    // A half-copied state would be a wrong prompt: better none.
    if (!(await into._copyStateFromOtherSequence!(this.#root, prefix.length))) await into.clearHistory();
    return evaluated;
  }

  async #hold(prefix: Tokens): Promise<number> {
    await this.#root.adaptStateToTokens(prefix, false);
    const held = this.#root.nextTokenIndex;
    if (held < prefix.length) await this.#root.evaluateWithoutGeneratingNewTokens(prefix.slice(held));
    return prefix.length - held;
  }
}

const nothing: Promise<number> = Promise.resolve(0);
