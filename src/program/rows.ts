import { checkOptions } from "../core/check.ts";
import { thrownText } from "../core/thrown.ts";
import { digestOf } from "../lm/kept-rows.ts";
import { processClock } from "../lm/process.ts";
import { collected, eachRow, type RowsOptions, rowsChecks, type Source } from "../lm/rows.ts";
import { requireLM } from "../lm/settings.ts";
import { identityOf } from "./identity.ts";
import { invoke, type ModuleLike, nameOf } from "./own.ts";
import { initChecks, plainRun, type RunInit } from "./run-init.ts";

export { digestOf, keepRows } from "../lm/kept-rows.ts";
export { processClock } from "../lm/process.ts";
export {
  collected,
  eachRow,
  type Progress,
  type Row,
  type RowsOptions,
  rowsChecks,
  type Source,
} from "../lm/rows.ts";
export { currentScope, runInScope } from "../lm/scope.ts";

/** How the rows of a program run, and what each run says. `signal` ends them all; the rest holds for each row. */
export interface ProgramRowsOptions extends RowsOptions, Omit<RunInit, "signal"> {}

/** One row's outcome. */
export type ProgramRow<Inputs, Prediction> =
  | {
      readonly index: number;
      readonly inputs: Inputs;
      readonly prediction: Prediction;
      readonly error?: undefined;
    }
  | {
      readonly index: number;
      readonly inputs: Inputs;
      readonly prediction?: undefined;
      readonly error: Error;
    };

const optionChecks = { ...initChecks, ...rowsChecks };

/** The rows of `module.batch`. */
export async function batchOf<Inputs, Prediction>(
  module: ModuleLike,
  source: Source<Inputs>,
  options: ProgramRowsOptions,
): Promise<ProgramRow<Inputs, Prediction>[]> {
  return collected(rowsOf<Inputs, Prediction>(`${nameOf(module)}.batch`, module, source, options));
}

/** The rows of `module.each`. */
export function eachOf<Inputs, Prediction>(
  module: ModuleLike,
  source: Source<Inputs>,
  options: ProgramRowsOptions,
): AsyncGenerator<ProgramRow<Inputs, Prediction>, void, undefined> {
  return rowsOf(`${nameOf(module)}.each`, module, source, options);
}

function rowsOf<Inputs, Prediction>(
  owner: string,
  module: ModuleLike,
  source: Source<Inputs>,
  options: ProgramRowsOptions,
): AsyncGenerator<ProgramRow<Inputs, Prediction>, void, undefined> {
  checkOptions(owner, options, optionChecks);
  if ("lm" in options) requireLM(`${owner}({ lm })`, options.lm);
  const init = initOf(options);
  // The inputs of rows that are not yet taken: never more than the window.
  const given = new Map<number, Inputs>();
  const rows = eachRow(processClock(), source, (inputs: Inputs) => module[invoke](inputs, init), options, {
    identity: () => ({ kind: "rows", ...identityOf(module), says: digestOf(whatDecides(init)) }),
    onRow: (inputs, index) => given.set(index, inputs),
  });
  return withInputs(rows, given);
}

/** What of an init makes other predictions, as plain data. */
function whatDecides({ temperature, rolloutId, adapter, lm }: RunInit): Record<string, unknown> {
  return {
    temperature,
    rolloutId,
    adapter: typeof adapter === "object" ? adapter.name : adapter,
    model: lm?.model,
  };
}

async function* withInputs<Inputs, Prediction>(
  rows: ReturnType<typeof eachRow<Inputs, unknown>>,
  given: Map<number, Inputs>,
): AsyncGenerator<ProgramRow<Inputs, Prediction>, void, undefined> {
  for await (const { index, value, error } of rows) {
    const inputs = given.get(index)!;
    given.delete(index);
    if (error === undefined) yield { index, inputs, prediction: value as Prediction };
    else yield { index, inputs, error: asError(error) };
  }
}

/** What a program threw may be anything; who reads rows wants a message. */
const asError = (error: unknown): Error =>
  error instanceof Error ? error : new Error(thrownText(error), { cause: error });

/** What is said of each row. */
function initOf(options: ProgramRowsOptions): RunInit {
  const own = Object.entries(options).filter(
    ([name, value]) => value !== undefined && !Object.hasOwn(rowsChecks, name),
  );
  return own.length === 0 ? plainRun : Object.fromEntries(own);
}
