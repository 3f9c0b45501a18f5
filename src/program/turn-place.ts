import { AsyncLocalStorage } from "node:async_hooks";
import { TrunklineError } from "../core/errors.ts";

/** A turn that runs around a place, and the models' answers that it and all turns inside it have asked for. */
export interface Place {
  readonly agent: object;
  readonly name: string;
  readonly maxSteps: number;
  readonly outer: Place | undefined;
  /** Agents that took steps of this turn. */
  readonly handedTo: Set<string>;
  steps: number;
  /** Work that a tool left behind may still run inside a turn that is over; it no longer counts. */
  over: boolean;
}

const places = new AsyncLocalStorage<Place>();

/** A turn and those around it, innermost first. */
function* turnsFrom(place: Place | undefined): Generator<Place> {
  for (let each = place; each !== undefined; each = each.outer) if (!each.over) yield each;
}

/** Whether a turn of `agent` runs around this place: one more would wait for it, and it for that one. */
export function isInsideTurnOf(agent: object): boolean {
  for (const each of turnsFrom(places.getStore())) if (each.agent === agent) return true;
  return false;
}

/** Runs `fn` as a turn of `agent`, inside the turns around this place. */
export async function inTurn<T>(
  facts: Pick<Place, "agent" | "name" | "maxSteps">,
  fn: (place: Place) => Promise<T>,
): Promise<T> {
  const place: Place = { ...facts, outer: places.getStore(), handedTo: new Set(), steps: 0, over: false };
  try {
    return await places.run(place, () => fn(place));
  } finally {
    place.over = true;
  }
}

/** A step counts in each turn around it, so that agents that hand off to one another end, too. */
export function takeStep(place: Place): void {
  checkSteps(place);
  for (const each of turnsFrom(place)) {
    each.steps++;
    if (each !== place) each.handedTo.add(place.name);
  }
}

/** Throws where this turn, or one around it, may take no further step. */
export function checkSteps(place: Place): void {
  for (const each of turnsFrom(place)) if (each.steps >= each.maxSteps) throw stepsError(each);
}

function stepsError({ name, maxSteps, handedTo }: Place): TrunklineError {
  const others =
    handedTo.size === 0 ? "" : `, counting those of ${[...handedTo].join(", ")} that it handed off to`;
  const text = `${name} took ${maxSteps} steps (maxSteps)${others}, and the model still calls tools; raise maxSteps, or say in its system text when to stop`;
  return new TrunklineError("incomplete", text, { retryable: false });
}
