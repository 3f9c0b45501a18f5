import { type CallOptions, changed } from "../core/call.ts";

/** Whether the caller has seen a piece of an answer: a second one would begin it anew. */
export interface Delivery {
  delivered: boolean;
}

/** Options whose listener notes in `delivery` that something came, before it hears of it. */
export function watched(options: CallOptions, delivery: Delivery): CallOptions {
  const { onDelta } = options;
  if (onDelta === undefined) return options;
  return changed(options, {
    onDelta: (delta) => {
      delivery.delivered = true;
      onDelta(delta);
    },
  });
}
