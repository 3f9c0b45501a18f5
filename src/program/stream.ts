import { EventStream } from "../core/event-stream.ts";
import { runInScope } from "../lm/scope.ts";
import type { ProgramEvent, Unnamed } from "./events.ts";
import { Names } from "./names.ts";
import type { ModuleLike } from "./own.ts";
import { runScope, withRunScope } from "./run-scope.ts";

/** What a stream of a program yields: pieces of fields, then the prediction. */
export type StreamEvent<Prediction> =
  | ProgramEvent
  | { readonly type: "prediction"; readonly prediction: Prediction };

/** A program's run while it goes on. */
export class ProgramStream<Prediction> extends EventStream<StreamEvent<Prediction>, Prediction> {
  constructor(root: ModuleLike, start: (run: <T>(fn: () => T) => T) => Promise<unknown>) {
    super(async (push, left) => {
      const names = new Names(root);
      const outer = runScope();
      const emit = (by: object, event: Unnamed): void => {
        push({ ...event, predictor: names.of(by) } as ProgramEvent);
        // A stream around shows what a call in this place would show there.
        outer?.emit?.(by, event);
      };
      const inside = { ...outer, emit };
      const prediction = (await start((fn) =>
        runInScope({ signals: [left] }, () => withRunScope(inside, fn)),
      )) as Prediction;
      push({ type: "prediction", prediction });
      return prediction;
    }, merge);
  }

  /** The prediction. Asking for it starts the run; it never becomes an unhandled rejection. */
  get prediction(): Promise<Prediction> {
    return this.result;
  }
}

/** Two deltas of one field as one. */
function merge<P>(a: StreamEvent<P>, b: StreamEvent<P>): StreamEvent<P> | undefined {
  if (a.type !== "delta" || b.type !== "delta") return undefined;
  if (a.predictor !== b.predictor || a.field !== b.field) return undefined;
  return { ...a, text: a.text + b.text };
}
