/** What a worker is to do. */
export interface Job {
  readonly agents: number;
  readonly configurations: number;
}

/** What a worker measured, after garbage collections. */
export interface Outcome {
  /** By how much the heap grew with all of them alive. */
  readonly aliveBytes: number;
  /** What of that was still there after they were let go. */
  readonly releasedBytes: number;
  readonly descriptorsBefore: number;
  readonly descriptorsAlive: number;
  readonly sockets: number;
}
