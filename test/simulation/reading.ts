import { isTrunklineError } from "../../src/core/errors.ts";
import { chainOf } from "./question.ts";
import type { Attempt, CallSight, ClosingSight, LaneSight, Sight, Work } from "./sight.ts";

export const last = <T>(list: readonly T[]): T | undefined => list[list.length - 1];

/** Hints beyond this are not obeyed to the letter: the layers cap them. */
export const longestHint = 3_600_000;

/** Whether the caller, not the provider, ended the call. */
export function left(call: CallSight, sight: Sight): boolean {
  const closed = codeOf(call.error) === "closed" && sentAway(call, sight);
  return call.abortedAt !== undefined || closed || (call.settledAt ?? 0) >= call.deadlineAt;
}

/** Whether a close reached the call: it came through what was closed already, or was still there at the deadline. */
export function sentAway(call: CallSight, { closings, world, scenario }: Sight): boolean {
  const chain = chainOf(scenario.lines, call.line);
  return closings.some(
    ({ at, client, abortsAt }) =>
      (client === undefined || chain.some((line) => line.client === client)) &&
      (world.now() >= abortsAt ||
        (call.arrivedAt >= at && call.attempts.length === 0) ||
        // Another model is asked through a Client that takes no new calls.
        (chain.length > 1 && world.now() >= at)),
  );
}

/** Whether what was there at `at` may have met a close. */
export function closedSince(closings: readonly ClosingSight[], at: number): boolean {
  return closings.some(({ doneAt }) => doneAt === undefined || doneAt >= at);
}

/** What the last of all models failed with, or the one. */
export function causeOf({ error }: CallSight): unknown {
  const { cause } = Object(error) as { cause?: unknown };
  return isTrunklineError(cause) && cause.code === codeOf(error) ? cause : error;
}

export function explains(call: CallSight, sight: Sight): boolean {
  const now = sight.world.now();
  const cause = causeOf(call);
  const error = cause as { code: string; phase?: string };
  const visit = last(call.visits);
  // Another's failure is one's own where both had asked the same; an abort or a close may be everybody's.
  const failed = sight.byError.get(cause);
  const known = failed?.work.key === visit?.key ? failed : undefined;
  if (known?.overAt !== undefined) return true;
  const attempt = known ?? last(call.attempts);
  switch (error.code) {
    case "aborted":
      return call.abortedAt !== undefined || call.deltas === call.plan.throwsAt;
    case "timeout":
      if (error.phase === "total") return now >= call.deadlineAt;
      return (
        error.phase === "queue" &&
        attempt !== undefined &&
        now - attempt.enteredAt >= attempt.call.plan.queueTimeout
      );
    case "queue_full":
      return true;
    case "bad_request":
      // The call is larger than a limit that its lane knows of.
      return attempt !== undefined && attempt.dispatchedAt === undefined && limitsTokens(attempt);
    case "rate_limit":
      // The lane is paused for longer than the call, or anybody, would wait.
      return attempt !== undefined && attempt.dispatchedAt === undefined && hopeless(attempt, now);
    case "incomplete":
      // Another's failure cut the stream short that it had joined.
      return visit !== undefined && visit.led === 0 && call.deltas > 0;
    case "closed":
      return sentAway(call, sight);
    default:
      return false;
  }
}

/** Without a hint a lane pauses by its own guess, a minute at most; any pause is spread by up to five seconds. */
export function hopeless({ lane, options: { deadlineAt } }: Attempt, now: number): boolean {
  const { toldUntil, askedUntil, refusedAt } = lane;
  const pausedUntil =
    Math.max(Math.min(askedUntil, now + longestHint), toldUntil, refusedAt + 60_000) + 5_000;
  return now < pausedUntil && (askedUntil > now + longestHint / 2 || pausedUntil >= deadlineAt);
}

export function limitsTokens({ lane }: Attempt): boolean {
  return (
    lane.plan.headers !== "none" ||
    [...lane.clients.keys()].some(({ tokensPerMinute }) => tokensPerMinute !== undefined)
  );
}

/** Whether prefixes are looked at: asked for by the call, or by the provider's nature and not refused. */
function looksAtPrefixes({ call: { plan }, lane }: Attempt): boolean {
  return (
    typeof plan.prefixSharing === "object" || (plan.prefixSharing === "auto" && lane.plan.cachesPrefixes)
  );
}

/** Whether admission should make calls of its prefix wait for a first one. */
export function sharesPrefix(attempt: Attempt): boolean {
  return attempt.call.plan.prefix !== undefined && looksAtPrefixes(attempt);
}

/** Whether two different attempts of a lane share a prefix that is worth waiting for. */
export function samePrefix(one: Attempt, other: Attempt): boolean {
  const both = sharesPrefix(one) && sharesPrefix(other);
  return one !== other && both && one.call.plan.prefix === other.call.plan.prefix;
}

/** Whether `earlier` was not over yet when `attempt` started. */
export function ranWhen({ dispatchedAt }: Attempt, { overAt }: Attempt): boolean {
  return overAt === undefined || overAt >= dispatchedAt!;
}

/** Whether they ask the same, apart by scope, rollout or not being cached: then the whole question is a prefix. */
function sameQuestion(one: Attempt, other: Attempt): boolean {
  return one !== other && mayFollow(one) && one.call.plan.question === other.call.plan.question;
}

/** By how much the fullest stretch of time exceeds `rate` (calls a millisecond). What was never sent gives back. */
export function excessOf(dispatched: readonly Attempt[], rate: number): number {
  let level = 0;
  let most = 0;
  let at = 0;
  for (const { dispatchedAt, sentAt, error } of dispatched) {
    if (sentAt === undefined || (isTrunklineError(error) && error.sent === false)) continue;
    level = Math.max(0, level - (dispatchedAt! - at) * rate) + 1;
    at = dispatchedAt!;
    most = Math.max(most, level);
  }
  return most;
}

/** Whether the attempt repeats one that failed; what a limit refused is paced by its lane instead. */
export function spendsBudget({ work, nth }: Attempt): boolean {
  const before = work.attempts[nth - 2];
  return before !== undefined && codeOf(before.error) !== "rate_limit";
}

/** Whether it may have waited for another to warm its prefix, known to be shared or large enough to ask. */
export function mayFollow(attempt: Attempt): boolean {
  const { prefix, promptTokens } = attempt.call.plan;
  return looksAtPrefixes(attempt) && (prefix !== undefined || promptTokens > 500);
}

/** Arrival, and the head start that its priority gives to others. */
export function rankOf({ call }: Attempt): number {
  return call.arrivedAt + { interactive: 0, evaluation: 20_000, batch: 60_000 }[call.plan.priority];
}

/** How long a lane may stand although it could start a call. */
export function patience(lane: LaneSight): number {
  return lane.paced ? 120_000 : 0;
}

export function newestOf(waiting: ReadonlySet<Attempt>): Attempt | undefined {
  let newest: Attempt | undefined;
  for (const attempt of waiting) if (newest === undefined || attempt.entry > newest.entry) newest = attempt;
  return newest;
}

export function codeOf(error: unknown): string {
  return error === undefined ? "nothing" : isTrunklineError(error) ? error.code : "a foreign error";
}

export function inWords(call: CallSight): string {
  const fates = call.attempts.map((attempt) => attempt.fate ?? "not sent").join(", ");
  return `call ${call.plan.id} (${call.phase}; ${fates})`;
}

/** Whether a waiting call of the lane has its slots, nobody to follow, and nothing known forbids it to start. */
export function able({ plan, waiting, running, toldUntil }: LaneSight, now: number): boolean {
  if (waiting.size === 0 || now < toldUntil) return false;
  // How many may run at once is adapted there; one may always.
  if (plan.concurrencyBound && running.size > 0) return false;
  for (const attempt of waiting) {
    const followed = [...running].some((other) => samePrefix(attempt, other) || sameQuestion(attempt, other));
    if (!followed && attempt.client.slots.every((slots) => slots.free)) return true;
  }
  return false;
}

/** Whether a piece of work surely never had more than the one who asked for it. */
export function isAlone({ joined, surelyAll }: Work): boolean {
  return !joined && surelyAll;
}
