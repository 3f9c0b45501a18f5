import type { Priority } from "../core/call.ts";
import { Heap, type Placed } from "../core/heap.ts";
import type { Share, Shares } from "./shares.ts";

/**
 * How much later than it did a call of each priority counts as having arrived. That is all there is to ageing: a
 * batch call that has waited a minute longer goes before an interactive one.
 */
export const headStartMs: Readonly<Record<Priority, number>> = {
  interactive: 0,
  evaluation: 20_000,
  batch: 60_000,
};

/** What can wait in the queue. */
export interface Queued extends Placed {
  readonly fairnessKey: string | object;
  /** Arrival plus the priority's head start; smaller goes first. */
  readonly rank: number;
  /** Breaks ties: what entered first goes first. */
  readonly entered: number;
  /** What starting it takes from its key's share. */
  readonly cost: number;
}

/** The waiting calls of one fairness key. */
class Flow<T extends Queued> implements Placed {
  readonly calls = new Heap<T>(goesBefore);
  readonly share: Share;
  /** The share's tag when this flow was last put in order; the share may have moved on through another queue. */
  tag: number;
  place = -1;

  constructor(share: Share) {
    this.share = share;
    this.tag = share.tag;
  }
}

function goesBefore(a: Queued, b: Queued): boolean {
  return a.rank < b.rank || (a.rank === b.rank && a.entered < b.entered);
}

function servedBefore<T extends Queued>(a: Flow<T>, b: Flow<T>): boolean {
  return a.tag < b.tag || (a.tag === b.tag && goesBefore(a.calls.first!, b.calls.first!));
}

/**
 * Waiting calls in the order they go: first the fairness key that has had least, then by rank. Every operation
 * costs O(log n). Queues of one lane share their `Shares`, so that a key has one share however many Clients it uses.
 */
export class FairQueue<T extends Queued> {
  readonly #shares: Shares;
  readonly #flows = new Map<string | object, Flow<T>>();
  readonly #order = new Heap<Flow<T>>(servedBefore);
  #size = 0;

  constructor(shares: Shares) {
    this.#shares = shares;
  }

  get size(): number {
    return this.#size;
  }

  add(call: T): void {
    const share = this.#shares.join(call.fairnessKey);
    let flow = this.#flows.get(call.fairnessKey);
    if (flow === undefined) {
      flow = new Flow(share);
      this.#flows.set(call.fairnessKey, flow);
      flow.calls.add(call);
      this.#order.add(flow);
    } else {
      flow.calls.add(call);
      if (flow.calls.first === call) this.#order.update(flow);
    }
    this.#size++;
  }

  /** Puts a call right whose rank has changed. */
  update(call: T): void {
    const flow = this.#flows.get(call.fairnessKey)!;
    flow.calls.update(call);
    this.#order.update(flow);
  }

  /** The call that goes next. */
  get first(): T | undefined {
    return this.#firstFlow()?.calls.first;
  }

  /** The tag under which `first` goes, to compare queues of one lane. */
  get firstTag(): number {
    return this.#firstFlow()?.tag ?? Number.POSITIVE_INFINITY;
  }

  /** Takes `call` out because it starts, at its key's cost. */
  start(call: T): void {
    const flow = this.#flows.get(call.fairnessKey)!;
    this.#shares.charge(flow.share, call.cost);
    this.#take(flow, call);
  }

  /** Takes `call` out for any other reason, at no cost. */
  remove(call: T): void {
    this.#take(this.#flows.get(call.fairnessKey)!, call);
  }

  #take(flow: Flow<T>, call: T): void {
    flow.calls.remove(call);
    this.#size--;
    if (flow.calls.size === 0) {
      this.#order.remove(flow);
      this.#flows.delete(call.fairnessKey);
    } else {
      flow.tag = flow.share.tag;
      this.#order.update(flow);
    }
    this.#shares.leave(flow.share);
  }

  /** Tags only grow, so a stale one sinks to its true place when it reaches the top. */
  #firstFlow(): Flow<T> | undefined {
    for (;;) {
      const flow = this.#order.first;
      if (flow === undefined || flow.tag === flow.share.tag) return flow;
      flow.tag = flow.share.tag;
      this.#order.update(flow);
    }
  }
}
