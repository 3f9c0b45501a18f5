/** A door that a test opens by hand; whoever waits at it goes on when it is open, and at once from then on. */
export interface Gate {
  open(): void;
  readonly isOpen: boolean;
  readonly opened: Promise<void>;
}

/**
 * A closed gate. Scripts wait at it in place of sleeping; one that is never opened is a stall.
 *
 * ```ts
 * import { gate } from "trunkline/testing";
 *
 * const answer = gate();
 * void answer.opened.then(() => console.log("now"));
 * answer.open();
 * ```
 */
export function gate(): Gate {
  const { promise, resolve } = Promise.withResolvers<void>();
  let isOpen = false;
  return {
    open() {
      isOpen = true;
      resolve();
    },
    get isOpen() {
      return isOpen;
    },
    opened: promise,
  };
}

export function isGate(value: unknown): value is Gate {
  return typeof value === "object" && value !== null && "opened" in value && "open" in value;
}
