import type { ErrorCode } from "../core/errors.ts";
import { usableHint } from "./gate.ts";

/** How long a refused key is left alone: twice as long each time in a row. */
const asideMs = { first: 10_000, last: 600_000 };
/** How many models a key may be shut out of and have it remembered. */
const mostModels = 100;

/** Why and until when a key is left alone, at all or for one model. */
interface Aside {
  readonly code: ErrorCode;
  readonly since: number;
  readonly until: number;
  readonly times: number;
  /** Its time is over and one call tries it; the others wait for what that brings. */
  proving: boolean;
}

/** What refusals have taught about one key. */
export class KeyState {
  /** By model; "" is all of them. */
  readonly #asides = new Map<string, Aside>();

  /** Why the key is to be left alone for `model` now; undefined when it is not. */
  asideFor(model: string, now: number): { readonly code: ErrorCode; readonly ms: number } | undefined {
    if (this.#asides.size === 0) return undefined;
    for (const aside of this.#of(model)) {
      if (now < aside.until || aside.proving) return { code: aside.code, ms: Math.max(0, aside.until - now) };
    }
  }

  /** A call for `model` goes by the key. After a refusal it is the one that tries it. */
  started(model: string): void {
    if (this.#asides.size === 0) return;
    for (const aside of this.#of(model)) aside.proving = true;
  }

  /** A call that went at `startedAt` was answered. */
  worked(model: string, startedAt: number): void {
    if (this.#asides.size === 0) return;
    for (const name of ["", model]) {
      // An answer to what was asked before the refusal says nothing about it.
      if (startedAt > (this.#asides.get(name)?.since ?? 0)) this.#asides.delete(name);
    }
  }

  /** A call ended without telling anything of the key. */
  undecided(model: string): void {
    if (this.#asides.size === 0) return;
    for (const aside of this.#of(model)) aside.proving = false;
  }

  /** A call that went at `startedAt` was refused. Milliseconds until the key is tried again; undefined when it was known. */
  refused(
    { code, retryAfterMs }: { readonly code: ErrorCode; readonly retryAfterMs?: number },
    model: string,
    startedAt: number,
    now: number,
  ): { readonly ms: number; readonly first: boolean } | undefined {
    this.undecided(model);
    const name = code === "permission" ? model : "";
    const before = this.#asides.get(name);
    if (before !== undefined && startedAt <= before.since) return undefined;
    const times = before?.times ?? 0;
    const ms = Math.min(
      asideMs.last,
      Math.max(asideMs.first * 2 ** Math.min(times, 16), usableHint(retryAfterMs) ?? 0),
    );
    this.#asides.delete(name);
    this.#asides.set(name, { code, since: now, until: now + ms, times: times + 1, proving: false });
    if (this.#asides.size > mostModels) this.#asides.delete(this.#asides.keys().next().value!);
    return { ms, first: times === 0 };
  }

  #of(model: string): readonly Aside[] {
    return ["", model].flatMap((name) => this.#asides.get(name) ?? []);
  }
}
