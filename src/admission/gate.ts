/** How long a probe may stay unanswered before the gate opens; refusals come much faster than answers. */
const probeMs = { least: 50, most: 2_000 };
/** Without a hint a pause doubles from the first to the last while refusals go on. */
const unhinted = { first: 1_000, last: 60_000 };
/** No hint holds a lane longer than this; what is told more fails at once and is tried again after it. */
export const longestPauseMs = 3_600_000;
/** Waiting ends up to this much later than told, so that many processes do not come back together. */
const spread = { share: 0.1, least: 50, most: 5_000 };

/** A hint that can be used: junk, negative and endless ones count as none. */
export function usableHint(ms: number | undefined): number | undefined {
  return ms !== undefined && Number.isFinite(ms) && ms >= 0 ? ms : undefined;
}

/** When a pause of `hintMs` ends, never earlier than told: `chance` in [0, 1) spreads it upward. */
export function spreadHint(hintMs: number, chance: number): number {
  return hintMs + chance * Math.min(spread.most, Math.max(spread.least, spread.share * hintMs));
}

/**
 * A lane's gate. A refusal shuts it for every call of the lane until the provider's hint; then one probe goes
 * first, and the rest when the probe was accepted or was not refused for longer than refusals take.
 */
export class Gate {
  #shutUntil = 0;
  /** What the provider itself asked for; beyond `shutUntil` only when that was absurdly long. */
  #toldUntil = 0;
  /** Since the last pause no start has been accepted yet. */
  #probing = false;
  #probeUntil = Number.NEGATIVE_INFINITY;
  #probeMs = probeMs.most;
  #pausesInRow = 0;

  /** Until when nothing starts, by a hint or our own caution. */
  get shutUntil(): number {
    return this.#shutUntil;
  }

  /** Whether no start since the last pause has shown yet that it is over. */
  get probing(): boolean {
    return this.#probing;
  }

  /** Milliseconds until a start may be tried again; 0 when one may go now. */
  waitMs(now: number): number {
    if (now < this.#shutUntil) return this.#shutUntil - now;
    return this.#probing && now < this.#probeUntil ? this.#probeUntil - now : 0;
  }

  /** How long the provider asked to wait, when that is too long for a call that must end at `deadlineAt`. */
  hopelessMs(deadlineAt: number, now: number): number | undefined {
    if (now >= this.#shutUntil || now >= this.#toldUntil) return undefined;
    return this.#toldUntil > Math.min(deadlineAt, this.#shutUntil) ? this.#toldUntil - now : undefined;
  }

  /** A call started: after a pause, the first is the probe. */
  started(now: number): void {
    if (!this.#probing) return;
    // The probe of before was not refused in time: the gate is open.
    if (this.#probeUntil > Number.NEGATIVE_INFINITY) this.#probing = false;
    else this.#probeUntil = now + this.#probeMs;
  }

  /** A call that started at `startedAt` was accepted. True when that opens the gate. */
  accepted(startedAt: number): boolean {
    if (startedAt < this.#shutUntil) return false;
    this.#pausesInRow = 0;
    this.#toldUntil = 0;
    if (!this.#probing) return false;
    this.#probing = false;
    return true;
  }

  /** A probe ended without telling anything, so that another may go. */
  undecided(startedAt: number): void {
    if (this.#probing && startedAt >= this.#shutUntil) this.#probeUntil = Number.NEGATIVE_INFINITY;
  }

  /** Whether a refusal of a call that started then is news, and not one more of a burst that is already known. */
  isNews(startedAt: number, now: number): boolean {
    return now >= this.#shutUntil && startedAt >= this.#shutUntil;
  }

  /** Shuts the gate; `answerMs` is how long the refusal took. */
  shut(hint: number | undefined, startedAt: number, now: number, chance: number): void {
    const news = this.isNews(startedAt, now);
    const hintMs = usableHint(hint);
    if (hintMs === undefined && !news) return;
    const told = hintMs ?? Math.min(unhinted.last, unhinted.first * 2 ** this.#pausesInRow);
    if (news) this.#pausesInRow = Math.min(16, this.#pausesInRow + 1);
    const until = now + spreadHint(Math.min(told, longestPauseMs), chance);
    if (news) this.#toldUntil = 0;
    if (hintMs !== undefined) this.#toldUntil = Math.max(this.#toldUntil, now + hintMs);
    if (until > this.#shutUntil) this.#shutUntil = until;
    this.#probing = true;
    this.#probeUntil = Number.NEGATIVE_INFINITY;
    this.#probeMs = Math.min(probeMs.most, Math.max(probeMs.least, 2 * (now - startedAt)));
  }
}
