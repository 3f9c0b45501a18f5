/** What one of several processes on a folder is to do. */
export interface Job {
  readonly store: "trunkline" | "sqlite";
  readonly folder: string;
  readonly number: number;
  readonly calls: number;
  readonly answers: number;
}

export interface Report {
  readonly ms: number;
  readonly found: number;
  readonly wrong: number;
  readonly readUs: number;
  readonly flushMs: number;
}
