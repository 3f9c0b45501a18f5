/** What a worker is to do. */
export interface Job {
  readonly rows: number;
  /** The heap is weighed before the first row and each time so many were taken. */
  readonly weighEvery: number;
}

export interface Weight {
  readonly row: number;
  /** Bytes of the collected heap. */
  readonly heapBytes: number;
}

/** What a worker measured. */
export interface Outcome {
  readonly weights: readonly Weight[];
  /** Without the weighing. */
  readonly ms: number;
  readonly cpuUs: number;
  readonly failed: number;
  /** The most rows that were read from the source and not yet taken. */
  readonly ahead: number;
}
