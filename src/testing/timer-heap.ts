import { Heap, type Placed } from "../core/heap.ts";

/** Something that falls due. */
export interface Due extends Placed {
  readonly at: number;
  /** Breaks ties, so that what was added first falls due first. */
  readonly order: number;
}

/** What falls due next, with tens of thousands waiting. */
export class TimerHeap<T extends Due> extends Heap<T> {
  constructor() {
    super(sooner);
  }
}

function sooner(a: Due, b: Due): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
