import { type Priority, priorities } from "../../src/core/call.ts";
import type { ErrorCode } from "../../src/core/errors.ts";
import { roomy } from "./draw-cache.ts";
import type { Invariant } from "./invariant.ts";
import { asksFor, waits } from "./ledger.ts";
import { chainOf } from "./question.ts";
import { causeOf, closedSince, codeOf, last, left } from "./reading.ts";
import type { Attempt, CallSight, Sight } from "./sight.ts";

const never = Number.POSITIVE_INFINITY;

/** What must always hold of the cache, of joined work and of fallbacks. */
export const cacheInvariants: readonly Invariant[] = [
  {
    name: "one-send-a-question",
    says: "While a question is being answered and somebody waits for it, nobody has it asked a second time.",
    onWork: (work, { works, closings }) => {
      const { leader, key, era } = work;
      if (leader.mode === "off") return undefined;
      for (const other of works) {
        // A close sends some away from joined work, and others to ask anew, before it has ended.
        if (closedSince(closings, other.startedAt)) continue;
        // Whoever looked before a clear finds no refresh from before it.
        if (other.forgotten && other.leader.mode !== leader.mode) continue;
        if (other.era === era && asksFor(leader, other) && [...other.members].some(waits))
          return `call ${leader.call.plan.id} asks ${key}, which call ${other.leader.call.plan.id} asks already`;
      }
    },
  },
  {
    name: "paid-once-while-stored",
    says: "What was answered, stored and not forgotten is never paid a second time.",
    onWork: ({ leader, key }, { stored, world, scenario }) => {
      const known = stored.get(key);
      if (leader.mode !== "use" || known === undefined) return undefined;
      // What came while it was looked up is found in a memory that is large enough, and nowhere else.
      if (known.order > leader.order && scenario.cache.memoryBytes !== roomy) return undefined;
      const { ttl = never } = leader.call.plan.cache!;
      if (world.now() - known.at < Math.min(ttl, known.ttl))
        return `call ${leader.call.plan.id} asks ${key}, which was answered at ${known.at}`;
    },
  },
  {
    name: "answers-keep-apart",
    says: "An answer reaches only callers of its question, model, scope and rollout.",
    onSettle: (call, sight) => {
      const given = givenBy(call, sight);
      if (given === undefined) return undefined;
      const { key, mode } = last(call.visits)!;
      if (given.work.key !== key)
        return `call ${call.plan.id} asked ${key} and got the answer to ${given.work.key}`;
      if (call.answer!.model !== given.lane.plan.model)
        return `call ${call.plan.id} got an answer of ${call.answer!.model}`;
      if (mode === "off" && given.call !== call)
        return `call ${call.plan.id} wants no cache and got another's answer`;
    },
  },
  {
    name: "forgotten-is-gone",
    says: "Nobody gets an answer from before a clear, beyond its time to live, or, who asks anew, one that was there.",
    onSettle: (call, sight) => {
      const given = givenBy(call, sight);
      const visit = last(call.visits);
      if (given === undefined || visit === undefined) return undefined;
      const { work } = given;
      if (work.era < visit.era)
        return `call ${call.plan.id} came in era ${visit.era} and got an answer of ${work.era}`;
      if (work.overAt === undefined || work.overAt >= visit.enteredAt) return undefined;
      if (visit.mode === "refresh") return `call ${call.plan.id} asked anew and got what was there`;
      const ttl = Math.min(call.plan.cache!.ttl ?? never, work.leader.call.plan.cache!.ttl ?? never);
      if (visit.enteredAt - work.overAt >= ttl) return `call ${call.plan.id} got an answer that was too old`;
    },
  },
  {
    name: "failures-forgotten",
    says: "No failure reaches a caller who came after it.",
    onSettle: (call, { byError }) => {
      const attempt = call.error === undefined ? undefined : byError.get(causeOf(call));
      const visit = last(call.visits);
      if (attempt?.work.overAt === undefined || visit === undefined || call.error === undefined)
        return undefined;
      if (attempt.work.overAt < visit.enteredAt)
        return `call ${call.plan.id} came at ${visit.enteredAt} and got the failure of ${attempt.work.overAt}`;
    },
  },
  {
    name: "a-hit-costs-nothing",
    says: "A stored answer takes no slot, no attempt and no place in a queue.",
    onSettle: ({ plan, answer, visits }) => {
      if (answer?.cacheHit && last(visits)!.led > 0) return `call ${plan.id} is a hit and had work done`;
    },
  },
  {
    name: "leavers-leave-alone",
    says: "An abort or a deadline ends its own call; the work goes on while anybody waits, and ends with the last.",
    atRest: ({ works, closings }) => {
      for (const { leader, members, options, aloneSince, startedAt } of works) {
        const cancelled = options.signal!.aborted;
        const waiting = [...members].filter(waits);
        const who = `the work of call ${leader.call.plan.id}`;
        if (cancelled && waiting.length > 0 && !closedSince(closings, startedAt))
          return `${who} was cancelled, and call ${waiting[0]!.call.plan.id} waits for it`;
        if (!cancelled && aloneSince !== undefined)
          return `${who} goes on, and nobody has waited since ${aloneSince}`;
      }
    },
  },
  {
    name: "joined-work-serves-all",
    says: "Joined work has the latest deadline and the highest priority of those who wait, at each step anew.",
    onEnter: serves,
    onDispatch: serves,
  },
  {
    name: "an-outage-costs-no-call",
    says: "While one model of a chain is in good order, no failure of another reaches a caller who can wait.",
    onSettle: (call, sight) => {
      const { scenario, closings, world } = sight;
      const { error, deltas, plan } = call;
      if (error === undefined || deltas > 0 || left(call, sight)) return undefined;
      // In a process that stands still every deadline passes.
      if (closedSince(closings, call.arrivedAt) || world.stalledAt > call.arrivedAt) return undefined;
      const patient = plan.timeout === 300_000 && plan.queueTimeout === never && plan.maxQueue === 100_000;
      const chain = chainOf(scenario.lines, call.line);
      if (!patient || !chain.some(({ lane }) => scenario.healthy.includes(lane))) return undefined;
      if (anothers.has(codeOf(error)))
        return `call ${plan.id} failed with ${codeOf(error)} (${String(error)}), and a model was well`;
    },
  },
  {
    name: "memory-bound",
    says: "The memory of the cache stays within its bound.",
    atRest: ({ cache, scenario }) => {
      const { bytes } = cache.stats();
      if (bytes > scenario.cache.memoryBytes)
        return `${bytes} bytes, ${scenario.cache.memoryBytes} are allowed`;
    },
  },
];

/** What another model might not share. */
const anothers: ReadonlySet<string> = new Set<ErrorCode>([
  "auth",
  "rate_limit",
  "quota",
  "overloaded",
  "server_error",
  "network",
  "timeout",
  "bad_response",
  "incomplete",
]);

/** The attempt whose answer a call got. */
function givenBy({ answer }: CallSight, { byId }: Sight): Attempt | undefined {
  return answer?.id === undefined ? undefined : byId.get(answer.id);
}

function serves({ call, work, options, enteredAt }: Attempt, { undecided }: Sight): string | undefined {
  if (!work.surelyAll && work.startedAt === enteredAt) return undefined;
  const waiting = [...work.members].filter(waits);
  if (waiting.length === 0) return undefined;
  // Whose own work failed in this very event may have joined this one already, or not.
  const perhaps = [...undecided].filter((visit) => waits(visit) && asksFor(visit, work));
  const latest = Math.max(...waiting.map((visit) => visit.options.deadlineAt));
  const later = perhaps.some((visit) => visit.options.deadlineAt === options.deadlineAt);
  if (options.deadlineAt !== latest && !(options.deadlineAt > latest && later))
    return `the work of call ${call.plan.id} has the deadline ${options.deadlineAt}, the latest is ${latest}`;
  const rank = (visit: { options: { priority: Priority } }): number =>
    priorities.indexOf(visit.options.priority);
  const own = priorities.indexOf(options.priority);
  const highest = Math.min(...waiting.map(rank));
  if (own !== highest && !(own < highest && perhaps.some((visit) => rank(visit) === own)))
    return `the work of call ${call.plan.id} has the priority ${options.priority}, the highest is ${priorities[highest]}`;
}
