/** What a worker is to do. */
export interface Job {
  readonly side: Side;
  /** The provider's base URL. */
  readonly url: string;
  readonly ca: string;
  readonly protocol: "h2" | "h1";
  /** Calls in flight at once. */
  readonly concurrency: number;
  /** Sockets that either side may open. */
  readonly connections: number;
}

export const sides = ["trunkline", "undici"] as const;
export type Side = (typeof sides)[number];

/** The starter's question: make so many calls and say what they took. */
export interface Question {
  readonly calls: number;
}

/** What a block of calls took. */
export interface Block {
  readonly calls: number;
  readonly ms: number;
  /** Processor time of all threads, in microseconds. */
  readonly cpuUs: number;
  /** By how much the heap was larger after the calls; what they allocated, if no collection came in between. */
  readonly heapBytes: number;
  /** The same of memory outside the heap. */
  readonly externalBytes: number;
  readonly collections: number;
}
