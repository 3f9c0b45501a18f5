/** What a worker is to do. */
export interface Job {
  readonly rows: number;
  /** The heap is weighed before the first row and each time so many were taken. */
  readonly weighEvery: number;
  readonly answers: Answers;
}

/** At once: few rows are ever in work. A turn of the event loop later: as many as may be. */
export const answersCome = { now: "at once", later: "a turn of the event loop later" } as const;
export type Answers = keyof typeof answersCome;

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
  /** The most calls that the LM had at the same time. */
  readonly inWork: number;
}
