import type { Table } from "./table.ts";

/** What a benchmark is told. */
export interface BenchOptions {
  /** Fewer calls and repeats: shows that everything works, and figures that are rough. */
  readonly quick: boolean;
  /** Says what is being measured now. */
  readonly say: (text: string) => void;
}

/** One figure that the design wants reached. */
export interface Target {
  readonly what: string;
  readonly wanted: string;
  readonly reached: string;
  readonly ok: boolean;
}

export interface BenchResult {
  readonly tables: readonly Table[];
  readonly targets: readonly Target[];
  /** What the tables were made of. */
  readonly data: unknown;
}

export interface Bench {
  readonly title: string;
  run(options: BenchOptions): Promise<BenchResult>;
}

/** A target that a number must not exceed, or must not stay under. */
export function target(what: string, reached: number, bound: { most: number } | { least: number }): Target {
  const [ok, wanted] =
    "most" in bound
      ? [reached <= bound.most, `<= ${short(bound.most)}`]
      : [reached >= bound.least, `>= ${short(bound.least)}`];
  return { what, wanted, reached: Number.isNaN(reached) ? "not measured" : short(reached), ok };
}

function short(value: number): string {
  if (Number.isInteger(value)) return value.toLocaleString("en-US");
  return value.toFixed(Math.abs(value) < 0.1 ? 3 : 2);
}
