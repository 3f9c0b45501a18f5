import type { Attempt, CallSight, Sight, Work } from "./sight.ts";

/** What must always hold. Each hook names what is wrong, or returns undefined. */
export interface Invariant {
  readonly name: string;
  readonly says: string;
  /** The cache asked for an answer. */
  readonly onWork?: (work: Work, sight: Sight) => string | undefined;
  /** An attempt asked admission for a place. */
  readonly onEnter?: (attempt: Attempt, sight: Sight) => string | undefined;
  /** Admission let an attempt go. */
  readonly onDispatch?: (attempt: Attempt, sight: Sight) => string | undefined;
  /** The driver was asked. */
  readonly onSend?: (attempt: Attempt, sight: Sight) => string | undefined;
  /** The caller's promise settled. */
  readonly onSettle?: (call: CallSight, sight: Sight) => string | undefined;
  /** After every event, when all promises have settled. */
  readonly always?: (sight: Sight) => string | undefined;
  /** When nothing more happens at this instant. */
  readonly atRest?: (sight: Sight) => string | undefined;
  /** When nothing more happens at all. */
  readonly atEnd?: (sight: Sight) => string | undefined;
}
