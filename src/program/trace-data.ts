import type { Cost, Usage } from "../core/completion.ts";
import type { Message } from "../core/message.ts";
import type { FieldValues } from "../signature/check.ts";

/** What a failed call of a run failed with, as plain data. */
export interface TraceError {
  /** A code of the catalogue, where the error has one. */
  readonly code?: string;
  readonly message: string;
}

/** One call of a predictor. */
export interface TraceEntry {
  /** Calls are counted in the order in which they started; a run inside another goes on with its count. */
  readonly id: number;
  /** Its name in the module that ran, such as `judge.predict`; one that the module does not hold is `Predict#1`. */
  readonly predictor: string;
  /** The signature as a string, without instructions. */
  readonly signature: string;
  readonly inputs: FieldValues;
  /** Absent where the call failed or the run ended before it did. */
  readonly outputs?: FieldValues;
  /** With `n` above 1: the outputs of every choice that could be read, in order. */
  readonly choices?: readonly FieldValues[];
  /** What was asked last. */
  readonly messages: readonly Message[];
  /** The text that was answered last. */
  readonly answer?: string;
  /** The thinking that came with it. */
  readonly reasoning?: string;
  /** The model that answered. */
  readonly model?: string;
  readonly cacheHit?: boolean;
  /** Of all answers of this call, those that could not be read included. */
  readonly usage?: Usage;
  readonly cost?: Cost;
  readonly error?: TraceError;
  /** How often it asked again because an answer could not be read. */
  readonly reasks: number;
  /** The id of the module's call that it was made in; absent for one made by no module. */
  readonly parent?: number;
}

/** One call of a module. */
export interface TraceModule {
  readonly id: number;
  /** Its path in the module that ran, empty for that one itself. */
  readonly name: string;
  readonly type: string;
  readonly parent?: number;
}

/** One call of a tool. */
export interface TraceTool {
  readonly id: number;
  readonly name: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly result?: unknown;
  readonly error?: string;
  readonly parent?: number;
}

/** A trace as plain data. */
export interface TraceData {
  readonly entries: readonly TraceEntry[];
  readonly modules: readonly TraceModule[];
  readonly tools: readonly TraceTool[];
  /** Of every answer an LM gave in the run. */
  readonly usage: Usage;
  /** Undefined where no price is known. */
  readonly cost?: Cost;
  /** Calls that are not listed, because there were too many. */
  readonly dropped: number;
}
