import type { LM } from "../lm/lm.ts";
import type { RunInit } from "./run-init.ts";

/** The LM that `setLM` gave a module. A symbol: fields called `lm` are the user's, and `clone` copies it. */
export const ownLM: unique symbol = Symbol.for("trunkline.module.lm");

/** Where a module's state was loaded from: `save` keeps it. */
export const origin: unique symbol = Symbol.for("trunkline.module.origin");

/** Runs a module with its inputs, as one call: what `call`, `run`, `batch`, `each` and `stream` have in common. */
export const invoke: unique symbol = Symbol.for("trunkline.module.invoke");

/** Marks what a walk over a program lists as a predictor. */
export const predictorMark: unique symbol = Symbol.for("trunkline.predictor");

/** A module, of this or of another copy of the package, as the inside of a program sees it. */
export interface ModuleLike {
  [ownLM]?: LM | undefined;
  [invoke](inputs: unknown, init: RunInit): Promise<unknown>;
}

export function isModule(value: unknown): value is ModuleLike {
  return typeof value === "object" && value !== null && invoke in value;
}

/** What a program's author calls it: its class. */
export function nameOf(module: object): string {
  return module.constructor?.name || "Module";
}
