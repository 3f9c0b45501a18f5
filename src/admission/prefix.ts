import type { Prefixes } from "./prefix-key.ts";

/** A call as the warmth of prefixes sees it. */
export interface Sharer {
  readonly prefixes: Prefixes | undefined;
  /** The same in all attempts of one call: it does not share with itself. */
  readonly call: object;
  /** From how many tokens on a prefix is worth waiting for. */
  readonly least: number;
  /** How long it waits for a leader, counted from the leader's start. */
  readonly prefixWait: number;
  /** How many of its boundaries, from the shortest on, at least one other call is known to share. */
  shared: number;
  /** The boundaries that the provider is told of, by their place. */
  marks: readonly number[];
  /** What it leads while its attempt runs. */
  leads: Lead[];
  readonly streams: boolean;
}

/** One prefix of a lane that is being written to the provider's cache, or lies warm there. */
export class Lead {
  /** The call whose first event will warm it; undefined when nobody leads. */
  leader: Sharer | undefined;
  leadSince = 0;
  /** Calls that were sent cold and are not awaited: their callers did not ask for a stream. */
  riders = 0;
  warmUntil = Number.NEGATIVE_INFINITY;
  /** The call that had it last, with whom another shares it until then. */
  seenBy: object | undefined;
  seenUntil = Number.NEGATIVE_INFINITY;
  /** Until then it is known that several calls have it. */
  sharedUntil = Number.NEGATIVE_INFINITY;
}

/** Nothing is shared. */
export const noMarks: readonly number[] = Object.freeze([]);
/** How many prefixes a lane remembers. */
const mostPrefixes = 4_096;

/**
 * Which prefixes of a lane are warm, and who is warming them. The rule at a call's start: wait for a prefix that
 * another call is writing; otherwise, of what is cold and shared, become the one who writes it.
 */
export class Warmth {
  readonly #byKey = new Map<number, Lead>();
  readonly #lifetimeMs: number;
  readonly #onlyMarked: boolean;

  /** A prefix lives so long after its last use. `onlyMarked`: the provider writes where it is told to, and nothing else. */
  constructor({ lifetimeMs, onlyMarked }: { lifetimeMs: number; onlyMarked: boolean }) {
    this.#lifetimeMs = lifetimeMs;
    this.#onlyMarked = onlyMarked;
  }

  get size(): number {
    return this.#byKey.size;
  }

  /** How many prefixes are warm. */
  warm(now: number): number {
    let count = 0;
    for (const { warmUntil } of this.#byKey.values()) if (warmUntil > now) count++;
    return count;
  }

  /** Whether some boundary, worth `least` tokens more than what is warm, was never seen. */
  isUnknown({ prefixes, least }: Sharer, now: number): boolean {
    const { keys, tokens } = prefixes!;
    let warm = 0;
    for (let i = 0; i < keys.length; i++) {
      const lead = this.#byKey.get(keys[i]!);
      if (lead !== undefined && lead.warmUntil > now) warm = tokens[i]!;
      else if (!isHot(lead) && tokens[i]! - warm >= least) return true;
    }
    return false;
  }

  /** The calls of one tick: how much of its prompt each shares with another of them, or with one under way. */
  compare(sharers: readonly Sharer[]): void {
    const seen = new Map<number, number>();
    for (const { prefixes } of sharers) {
      for (const key of prefixes!.keys) seen.set(key, (seen.get(key) ?? 0) + 1);
    }
    for (const sharer of sharers) {
      const { keys } = sharer.prefixes!;
      let shared = keys.length;
      while (shared > 0 && seen.get(keys[shared - 1]!)! < 2) shared--;
      sharer.shared = shared;
    }
  }

  /** What `sharer` must wait for before it may start; undefined when nothing. */
  awaits(sharer: Sharer, now: number): Lead | undefined {
    const { least, prefixWait } = sharer;
    const { keys, tokens } = sharer.prefixes!;
    let warm = 0;
    for (let i = 0; i < keys.length; i++) {
      const lead = this.#byKey.get(keys[i]!);
      if (lead === undefined) continue;
      if (lead.warmUntil > now) warm = tokens[i]!;
      else if (lead.leader !== undefined && now < lead.leadSince + prefixWait && tokens[i]! - warm >= least) {
        // Should that leader fail, this one knows that it is not alone.
        sharer.shared = Math.max(sharer.shared, i + 1);
        return lead;
      }
    }
  }

  /** `sharer` starts. True when it leads for others, so that it should be asked for as a stream. */
  start(sharer: Sharer, now: number): boolean {
    const { keys, tokens } = sharer.prefixes!;
    const leads = keys.map((key) => this.#touch(key));
    this.#noteSeen(sharer, leads, now);
    sharer.marks = this.#marksOf(sharer, leads, now);
    const cold: Lead[] = [];
    let warm = 0;
    let leading = false;
    for (const [i, lead] of leads.entries()) {
      const written = !this.#onlyMarked || sharer.marks.includes(i);
      if (lead.warmUntil > now) {
        warm = tokens[i]!;
        if (written) lead.warmUntil = now + this.#lifetimeMs;
        continue;
      }
      if (!written) continue;
      const known = i < sharer.shared || lead.riders > 0;
      if (known && lead.leader === undefined && tokens[i]! - warm >= sharer.least) leading = true;
      cold.push(lead);
    }
    for (const lead of cold) this.#attach(sharer, lead, leading || sharer.streams, now);
    return leading;
  }

  /** What others had lately is shared with them. */
  #noteSeen(sharer: Sharer, leads: readonly Lead[], now: number): void {
    const until = now + this.#lifetimeMs;
    for (const [i, lead] of leads.entries()) {
      const shared = lead.sharedUntil > now || (lead.seenUntil > now && lead.seenBy !== sharer.call);
      if (shared) {
        sharer.shared = Math.max(sharer.shared, i + 1);
        lead.sharedUntil = until;
      }
      lead.seenBy = sharer.call;
      lead.seenUntil = until;
    }
  }

  /**
   * Of what is shared: the longest, which is to be written, and the longest that is warm, which is to be read; the
   * shortest, which most others have, and the one before the longest, in case that is where others part.
   */
  #marksOf({ shared }: Sharer, leads: readonly Lead[], now: number): readonly number[] {
    if (shared === 0) return noMarks;
    const last = shared - 1;
    if (!this.#onlyMarked || last === 0) return [last];
    const warm = leads.findLastIndex((lead, i) => i < last && lead.warmUntil > now);
    return [...new Set([0, Math.max(0, warm), last - 1, last])].sort((a, b) => a - b);
  }

  #attach(sharer: Sharer, lead: Lead, leads: boolean, now: number): void {
    sharer.leads.push(lead);
    if (!leads || lead.leader !== undefined) lead.riders++;
    else {
      lead.leader = sharer;
      lead.leadSince = now;
    }
  }

  /** The first event of `sharer`'s answer: everything it carries is warm now. Gives what it thereby released. */
  warmed(sharer: Sharer, now: number): readonly Lead[] {
    if (sharer.prefixes === undefined) return [];
    const { keys } = sharer.prefixes;
    const written = this.#onlyMarked ? sharer.marks.map((i) => keys[i]!) : keys;
    for (const key of written) this.#touch(key).warmUntil = now + this.#lifetimeMs;
    return this.ended(sharer);
  }

  /** `sharer` leads no more, warm or not. Gives what it thereby released. */
  ended(sharer: Sharer): readonly Lead[] {
    const { leads } = sharer;
    sharer.leads = [];
    for (const lead of leads) {
      if (lead.leader === sharer) lead.leader = undefined;
      else lead.riders--;
    }
    return leads;
  }

  #touch(key: number): Lead {
    let lead = this.#byKey.get(key);
    if (lead === undefined) lead = new Lead();
    else this.#byKey.delete(key);
    this.#byKey.set(key, lead);
    if (this.#byKey.size > mostPrefixes) this.#byKey.delete(this.#byKey.keys().next().value!);
    return lead;
  }
}

function isHot(lead: Lead | undefined): boolean {
  return lead !== undefined && (lead.leader !== undefined || lead.riders > 0);
}
