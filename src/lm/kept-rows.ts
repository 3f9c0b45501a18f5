import { hash } from "node:crypto";
import type { Clock } from "../core/clock.ts";
import { sideOf, TrunklineError } from "../core/errors.ts";
import { canonical } from "../core/json.ts";
import { exactText, exactValue } from "./exact-json.ts";
import { fileError, type KeptRow, ResultsFile } from "./results-file.ts";
import type { Identity } from "./results-header.ts";
import type { Source, Work } from "./row-run.ts";
import { currentScope } from "./scope.ts";

export type { Identity } from "./results-header.ts";

/** The rows of a run, and the file that keeps what came of them. */
export interface Keeping<Input, Output> {
  readonly clock: Clock;
  readonly path: string;
  readonly identity: Identity;
  readonly source: Source<Input>;
  readonly work: Work<Input, Output>;
  /** What of an input decides whether it is the one that was kept: plain data. Default: all of it. */
  readonly inputOf?: (input: Input) => unknown;
  /** Whether what the file has of a row can be taken for it; else the row is done anew. Default: all of it. */
  readonly isWhole?: (value: unknown) => boolean;
  /** Whether a row that failed so is finished. Default: where the failure is the row's own. */
  readonly finishes?: (error: unknown) => boolean;
}

export interface KeptRows<Input, Output> {
  /** Brings what the file has of a row, else does the row's work and keeps what comes of it. */
  readonly work: Work<Input, Output>;
  close(): Promise<void>;
}

/** Opens the file of a run and lays it under the run's work. */
export async function keepRows<Input, Output>({
  clock,
  path,
  identity,
  source,
  work,
  inputOf = (input) => input,
  isWhole = () => true,
  finishes = (error) => sideOf(error) === "row",
}: Keeping<Input, Output>): Promise<KeptRows<Input, Output>> {
  const file = await ResultsFile.open(clock, path, identity);
  const inputHash = (input: Input, index: number): string => hashOf(inputOf(input), index);
  const keep = async (index: number, input: string, kind: "value" | "error", outcome: unknown) => {
    // What comes of a row after its run was stopped may be an answer to the stop.
    if (currentScope()?.signals?.some(({ aborted }) => aborted)) return;
    const json = exactText(outcome);
    if (json !== undefined) await file.write(index, input, kind, json);
  };
  try {
    refuseStrangers(file, source, inputHash);
  } catch (error) {
    await file.close();
    throw error;
  }
  return {
    async work(input, index) {
      const hashed = inputHash(input, index);
      const kept = outcomeOf(file.find(index), hashed);
      if (kept !== undefined) {
        if ("error" in kept) throw kept.error;
        if (isWhole(kept.value)) return kept.value as Output;
      }
      let value: Output;
      try {
        value = await work(input, index);
      } catch (error) {
        if (finishes(error)) await keep(index, hashed, "error", error);
        throw error;
      }
      await keep(index, hashed, "value", value);
      return value;
    },
    close: () => file.close(),
  };
}

/** A short text that differs where plain data differs. */
export function digestOf(value: unknown): string {
  return hash("sha256", canonical(value)).slice(0, 32);
}

function hashOf(input: unknown, index: number): string {
  try {
    return digestOf(input);
  } catch (cause) {
    throw new TrunklineError(
      "config",
      `resultsFile: row ${index} cannot be told from another (${(cause as Error).message}); leave resultsFile out, or pass rows of plain data`,
      { cause },
    );
  }
}

function outcomeOf(
  kept: KeptRow | undefined,
  input: string,
): { value: unknown } | { error: unknown } | undefined {
  if (kept?.input !== input) return undefined;
  try {
    if ("error" in kept) return { error: exactValue(kept.error) };
    return "value" in kept ? { value: exactValue(kept.value) } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Of a list it is known before the first call whether the file is another data set's: it has several of the rows, and
 * all of them with other inputs. Where some are the same the list was edited, and only what changed is asked again.
 */
function refuseStrangers<Input>(
  file: ResultsFile,
  source: Source<Input>,
  inputHash: (input: Input, index: number) => string,
): void {
  if (!Array.isArray(source)) return;
  let different = 0;
  for (const index of file.rows()) {
    if (index >= source.length) break;
    if (file.find(index)?.input === inputHash(source[index], index)) return;
    different++;
  }
  if (different < 2) return;
  throw fileError(
    file.path,
    `belongs to another data set: it has ${different} of these rows, each with another input; give this run a file of its own, or remove that one`,
  );
}
