import type { Clock } from "../core/clock.ts";
import type { Completion } from "../core/completion.ts";
import type { Identity } from "./kept-rows.ts";
import { collectRows, type RowsOptions, type Source } from "./rows.ts";

/** One outcome of `lm.batch`. */
export type BatchResult =
  | { readonly index: number; readonly completion: Completion; readonly error?: undefined }
  | { readonly index: number; readonly completion?: undefined; readonly error: unknown };

/** Every input through `call`, side by side; the outcomes in order. */
export async function batch<Input>(
  clock: Clock,
  inputs: Source<Input>,
  call: (input: Input) => Promise<Completion>,
  options: RowsOptions,
  identity: () => Identity,
): Promise<BatchResult[]> {
  const rows = await collectRows(clock, inputs, call, options, { identity });
  return rows.map(({ index, value, error }) =>
    value === undefined ? { index, error } : { index, completion: value },
  );
}
