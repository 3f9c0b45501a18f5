import { getEventListeners } from "node:events";
import { isTrunklineError } from "../../src/core/errors.ts";
import type { Slots } from "../../src/core/slots.ts";
import { cacheInvariants } from "./cache-invariants.ts";
import { fairness } from "./fairness.ts";
import type { Invariant } from "./invariant.ts";
import { waits } from "./ledger.ts";
import {
  causeOf,
  closedSince,
  codeOf,
  excessOf,
  explains,
  inWords,
  isAlone,
  last,
  left,
  longestHint,
  mayFollow,
  newestOf,
  patience,
  rankOf,
  ranWhen,
  samePrefix,
  sharesPrefix,
  spendsBudget,
} from "./reading.ts";

export const invariants: readonly Invariant[] = [
  {
    name: "slots-cap",
    says: "A call starts only where every one of its slots was free.",
    onDispatch: ({ client }) => {
      for (const slots of client.slots) {
        if (slots.used > slots.limit) return `${slots.used} slots in use of ${slots.limit}`;
      }
    },
  },
  {
    name: "slots-equal-work",
    says: "Slots in use equal the work in flight, at every moment.",
    always: ({ clients, pools }) => {
      const used = new Map<Slots, number>();
      for (const { slots, running } of clients) {
        used.set(slots[0]!, (used.get(slots[0]!) ?? 0) + running.size);
      }
      for (const { slots, running } of pools) used.set(slots, running.size);
      for (const [slots, running] of used) {
        if (slots.used !== running) return `${slots.used} slots used, ${running} attempts run`;
      }
    },
  },
  {
    name: "settles-once",
    says: "Every call settles exactly once, and nothing reaches its caller afterwards.",
    always: ({ touched }) => {
      for (const call of touched) {
        if (call.settles > 1) return `call ${call.plan.id} settled ${call.settles} times`;
        if (call.lateDeltas > 0) return `call ${call.plan.id} got a delta after it had settled`;
      }
    },
    atEnd: ({ open }) => {
      if (open.size > 0)
        return `${open.size} calls never settled: ${[...open].slice(0, 5).map(inWords).join("; ")}`;
    },
  },
  {
    name: "nothing-after-leaving",
    says: "Nothing is sent for a caller that has left, nor after its deadline.",
    onSend: ({ call, number, work }, { world }) => {
      const waiting = [...work.members].filter(waits);
      if (waiting.length === 0) return `attempt ${call.plan.id}.${number} was sent and nobody waits`;
      if (waiting.every(({ call }) => world.now() > call.deadlineAt))
        return `attempt ${call.plan.id}.${number} was sent after the deadline`;
    },
  },
  {
    name: "one-at-a-time",
    says: "A call has one attempt in flight, and is sent once an attempt.",
    onSend: ({ call, sentAt, endedAt, fate, work }) => {
      // A refused key may be tried once more with a newer one.
      const anew = endedAt !== undefined && fate === "outage";
      if (sentAt !== undefined && !anew) return `call ${call.plan.id}: one attempt was sent twice`;
      const before = work.attempts.at(-2);
      if (before !== undefined && before.overAt === undefined && before.sentAt !== undefined) {
        return `call ${call.plan.id}: sent again while the attempt before was in flight`;
      }
    },
  },
  {
    name: "leaves-at-once",
    says: "An abort or a passed deadline settles its caller at the same instant.",
    atRest: ({ open, world }) => {
      for (const call of open) {
        if (call.abortedAt !== undefined)
          return `call ${call.plan.id} aborted at ${call.abortedAt} and still waits`;
        if (world.now() >= call.deadlineAt) {
          return `call ${call.plan.id}: its deadline ${call.deadlineAt} passed and it still waits`;
        }
      }
    },
  },
  {
    name: "work-ends",
    says: "Work that nobody waits for gives its slots back after abandonAfter at the latest.",
    atRest: ({ lanes, world, closings }) => {
      for (const { running } of lanes) {
        for (const { call, number, work } of running) {
          // Whom a close has moved elsewhere is not always to be seen from outside.
          if (work.leader.mode !== "off" && closedSince(closings, work.startedAt)) continue;
          const alone = work.aloneSince === undefined ? 0 : world.now() - work.aloneSince;
          if (alone > call.plan.abandonAfter)
            return `attempt ${call.plan.id}.${number} has run alone for ${alone} ms`;
        }
      }
    },
  },
  {
    name: "queue-timeout",
    says: "No wait for admission lasts longer than queueTimeout.",
    atRest: ({ lanes, world }) => {
      for (const lane of lanes) {
        for (const attempt of lane.waiting) {
          const waited = world.now() - attempt.enteredAt;
          if (waited > attempt.call.plan.queueTimeout)
            return `attempt of call ${attempt.call.plan.id} waits for ${waited} ms`;
        }
      }
    },
  },
  {
    name: "attempts-bound",
    says: "A call is tried at most 1 + maxRetries times.",
    onSend: (attempt) => {
      const { call, work } = attempt;
      const sent = 1 + work.attempts.filter((each) => each !== attempt && each.sentAt !== undefined).length;
      if (sent > 1 + call.plan.maxRetries)
        return `call ${call.plan.id}: sent ${sent} times, maxRetries ${call.plan.maxRetries}`;
    },
  },
  {
    name: "no-retry-after-delta",
    says: "A call is never tried again once its caller has seen a delta.",
    onEnter: ({ call }) =>
      call.deltas > 0 ? `call ${call.plan.id} was tried again after ${call.deltas} deltas` : undefined,
  },
  {
    name: "retry-only-what-may-succeed",
    says: "Only a failure that is worth another try is tried again.",
    onEnter: ({ call, work, nth }) => {
      if (nth === 1) return undefined;
      const { error, answer } = work.attempts[nth - 2]!;
      if (answer !== undefined) return `call ${call.plan.id} was tried again after an answer`;
      if (!isTrunklineError(error)) return `call ${call.plan.id} was tried again after a foreign error`;
      if (!error.retryable) return `call ${call.plan.id} was tried again after ${error.code}`;
    },
  },
  {
    name: "hint-kept",
    says: "A call is not sent again before the instant that its provider named.",
    onSend: ({ call, work, nth }, { world }) => {
      const before = work.attempts[nth - 2];
      if (before?.overAt === undefined || before.hintMs === undefined) return undefined;
      // The guard had given the attempt up before the provider said so.
      if (codeOf(before.error) === "timeout") return undefined;
      const told = before.overAt + Math.min(before.hintMs, longestHint);
      if (world.now() < told)
        return `call ${call.plan.id} was sent again ${told - world.now()} ms before its hint`;
    },
  },
  {
    name: "lane-paused",
    says: "After a 429 with a hint nothing of that lane is sent before the instant named.",
    onDispatch: ({ lane }, { world }) => {
      const { toldUntil, plan } = lane;
      if (world.now() < toldUntil) return `lane ${plan.id} was paused until ${toldUntil}`;
    },
  },
  {
    name: "paid-answer-kept",
    says: "An answer that a driver has finished reaches the caller who waits for it, whole and unchanged.",
    always: ({ touched }) => {
      for (const call of touched) {
        const attempt = last(call.visits)?.work?.attempts.at(-1);
        if (attempt?.fate !== "answer" || attempt.endedAt === undefined || attempt.error !== undefined)
          continue;
        if (call.settledAt === undefined) return `call ${call.plan.id} was answered and still waits`;
      }
    },
    onSettle: (call, sight) => {
      const attempt = last(call.attempts);
      // Its listener may have had enough of a stored answer, or of another's.
      const own = attempt?.work === last(call.visits)?.work || call.plan.cache === undefined;
      if (own && attempt?.answer !== undefined && call.error !== undefined && !left(call, sight)) {
        return `call ${call.plan.id} was answered, its caller got ${codeOf(call.error)}`;
      }
      if (call.answer === undefined) return undefined;
      if (call.plan.cache === undefined && call.answer.id !== `${call.plan.id}.${call.attempts.length}`)
        return `call ${call.plan.id} got another's answer`;
      if (call.plan.stream && call.text !== call.answer.text) {
        return `call ${call.plan.id}: its deltas say "${call.text}", its answer "${call.answer.text}"`;
      }
    },
  },
  {
    name: "errors-explained",
    says: "A caller's error is a TrunklineError that names what really happened.",
    onSettle: (call, sight) => {
      if (call.answer !== undefined) return undefined;
      const { error } = call;
      if (!isTrunklineError(error))
        return `call ${call.plan.id} failed with a foreign error: ${String(error)}`;
      if (explains(call, sight)) return undefined;
      return `call ${call.plan.id} failed with ${error.code} (${error.phase ?? "no phase"}), its last attempt with ${codeOf(last(call.attempts)?.error)}`;
    },
  },
  {
    name: "queue-bound",
    says: "No call waits where maxQueue were waiting already, and none is refused where fewer were.",
    onSettle: (call, { byError }) => {
      if (codeOf(call.error) !== "queue_full") return undefined;
      const attempt = byError.get(causeOf(call)) ?? last(call.attempts);
      const { ahead = 0, call: asker = call } = attempt ?? {};
      if (ahead < asker.plan.maxQueue)
        return `call ${call.plan.id} was refused with ${ahead} of ${asker.plan.maxQueue} waiting`;
    },
    always: ({ lanes, closings }) => {
      for (const { waiting } of lanes) {
        const newest = newestOf(waiting);
        // Those whom a close sends away at this instant are on their way out.
        if (closings.some(({ at }) => at === newest?.enteredAt)) continue;
        if (newest !== undefined && newest.ahead >= newest.call.plan.maxQueue && newest.nth === 1) {
          return `call ${newest.call.plan.id} waits behind ${newest.ahead}, its maxQueue is ${newest.call.plan.maxQueue}`;
        }
      }
    },
  },
  {
    name: "no-starvation",
    says: "A lane with waiting calls, free slots and no pause starts one before long.",
    atRest: ({ lanes, world, scenario }) => {
      for (const lane of lanes) {
        if (
          lane.ableSince !== undefined &&
          world.now() - lane.ableSince > patience(lane) + scenario.lag.longest
        ) {
          return `lane ${lane.plan.id} could start one of ${lane.waiting.size} since ${lane.ableSince} and did not`;
        }
      }
    },
  },
  fairness,
  {
    name: "rank-kept",
    says: "Calls of one key start by arrival and priority: nobody passes one that came earlier and counts as much.",
    onDispatch: (attempt, { world }) => {
      const { call, client, lane } = attempt;
      if (!isAlone(attempt.work)) return undefined;
      for (const other of lane.waiting) {
        // Who joins may be in more of a hurry than who began.
        if (!isAlone(other.work)) continue;
        const same = other.client === client && other.call.plan.fairnessKey === call.plan.fairnessKey;
        if (!same || mayFollow(other) || rankOf(other) >= rankOf(attempt)) continue;
        // Who came at this very instant came too late; who aborted, or has waited too long, is on the way out.
        const left = Math.min(other.call.deadlineAt, other.enteredAt + other.call.plan.queueTimeout);
        const gone = other.call.abortedAt !== undefined || left <= world.now();
        if (gone || other.enteredAt === world.now()) continue;
        return `call ${call.plan.id} (rank ${rankOf(attempt)}) passed call ${other.call.plan.id} (rank ${rankOf(other)})`;
      }
    },
  },
  {
    name: "retry-budget",
    says: "Retries of failures at one origin stay within 100 and a fifth of its answers.",
    onDispatch: (attempt) => {
      const { answers, retries } = attempt.client.origin;
      if (spendsBudget(attempt) && retries + 1 > 100 + 0.2 * answers)
        return `${retries + 1} retries after ${answers} answers`;
    },
  },
  {
    name: "configured-rate-kept",
    says: "Over any stretch of time no more is sent than the smallest configured rate allows, and one burst.",
    atEnd: ({ lanes }) => {
      for (const { plan, clients, dispatched } of lanes) {
        for (const [{ requestsPerMinute: rate }, { from, to }] of clients) {
          if (rate === undefined) continue;
          const excess = excessOf(dispatched.slice(from, to), rate / 60_000);
          // Where the provider reports room, a burst is ten seconds' worth, else a tenth of one.
          const burst = Math.max(1, plan.headers === "none" ? rate / 600 : rate / 6);
          if (excess > burst + 1) return `lane ${plan.id}: ${excess} calls beyond ${rate} a minute`;
        }
      }
    },
  },
  {
    name: "prefix-paid-once",
    says: "While a prefix is cold one streamed call of it leads; no other starts before its first event, its end, or 10 s.",
    onDispatch: (attempt, { world }) => {
      if (!sharesPrefix(attempt)) return undefined;
      const group = attempt.lane.dispatched.filter((other) => samePrefix(attempt, other));
      if (group.some(({ firstByteAt }) => firstByteAt !== undefined)) return undefined;
      const leaders = group.filter(
        (other, place) =>
          other.overAt === undefined &&
          other.streamed &&
          other.work.aloneSince === undefined &&
          // With a wait of its own, or tired of waiting, it may have gone beside a leader, and leads nobody.
          typeof other.call.plan.prefixSharing !== "object" &&
          !group.slice(0, place).some((earlier) => earlier.streamed && ranWhen(other, earlier)),
      );
      // Once a leader has taken too long for a call, that call waits for nobody.
      const { prefixSharing } = attempt.call.plan;
      const wait = typeof prefixSharing === "object" ? prefixSharing.prefixWait : 10_000;
      const running = group.filter(({ overAt }) => overAt === undefined);
      // In a process that stands still for hours a wait ends long after its time.
      if (running.some(({ dispatchedAt }) => world.stalledAt >= dispatchedAt!)) return undefined;
      if (running.some(({ dispatchedAt }) => world.now() - dispatchedAt! >= wait)) return undefined;
      const [leader] = leaders;
      if (leader !== undefined) {
        return `call ${attempt.call.plan.id} started while call ${leader.call.plan.id} led their prefix`;
      }
    },
  },
  {
    name: "close-keeps-its-word",
    says: "A close ends by its deadline, and nothing is sent through what it closed.",
    onSend: ({ call, client, number }) => {
      const closing = client.closing;
      if (closing?.doneAt !== undefined)
        return `attempt ${call.plan.id}.${number} was sent through a closed client`;
    },
    atRest: ({ closings, world }) => {
      for (const { at, abortsAt, doneAt } of closings) {
        if (doneAt === undefined && world.now() >= abortsAt)
          return `the close of ${at} should have ended at ${abortsAt}`;
      }
    },
    atEnd: ({ closings }) => {
      const open = closings.find(({ doneAt }) => doneAt === undefined);
      if (open !== undefined) return `the close of ${open.at} never ended`;
    },
  },
  {
    name: "counters-add-up",
    says: "What the layers count is what is there; at the end it is nothing.",
    always: ({ clients }) => {
      const waiting = new Map<object, number>();
      for (const { gauges, waiting: own } of clients)
        waiting.set(gauges, (waiting.get(gauges) ?? 0) + own.size);
      for (const { name, gauges } of clients) {
        const truly = waiting.get(gauges);
        if (gauges.queued !== truly) return `${name}: queued ${gauges.queued}, ${truly} wait`;
        if (gauges.waitingForSocket > gauges.queued) return `${name}: ${JSON.stringify(gauges)}`;
      }
    },
    atEnd: ({ clients, leftovers }) => {
      for (const { name, slots, gauges, waiting, running } of clients) {
        if (slots.some(({ used }) => used !== 0)) return `${name} ends with slots in use`;
        if (gauges.queued !== 0 || gauges.waitingForSocket !== 0)
          return `${name} ends with ${JSON.stringify(gauges)}`;
        if (waiting.size + running.size > 0)
          return `${name} ends with ${waiting.size + running.size} attempts`;
      }
      return leftovers();
    },
  },
  {
    name: "nothing-left-behind",
    says: "Once nobody waits and nothing runs, no timer holds the process and no listener is on a caller's signal.",
    atRest: ({ open, clients, world, scenario }) => {
      // A lookup that nobody waits for any more ends within its bound.
      if (
        scenario.cache.store !== undefined ||
        open.size > 0 ||
        world.left("script") > 0 ||
        clients.some(({ running }) => running.size > 0)
      )
        return undefined;
      if (world.left("pending") > 0) return `${world.left("pending")} timers are left`;
    },
    atEnd: ({ calls, runs }) => {
      for (const { signal } of [...calls.map(({ controller }) => controller), ...runs]) {
        const listeners = getEventListeners(signal, "abort").length;
        if (listeners > 0) return `${listeners} listeners are left on a signal`;
      }
    },
  },
  {
    name: "no-stray-errors",
    says: "No error is thrown into the void, and no rejection goes unheard.",
  },
  {
    name: "time-moves",
    says: "No instant holds events without end.",
  },
  {
    name: "record-true",
    says: "The call's record counts its attempts and times as they were.",
    onSettle: (call, sight) => {
      const { record, answer, plan } = call;
      if (left(call, sight)) return undefined;
      const sent = call.attempts.filter((attempt) => attempt.dispatchedAt !== undefined);
      if (plan.cache === undefined && record.attempts !== sent.length)
        return `call ${plan.id}: record.attempts ${record.attempts}, sent ${sent.length}`;
      if (answer !== undefined && answer.cacheHit !== (record.cache === "hit"))
        return `call ${plan.id}: its record says ${record.cache}, its answer cacheHit ${answer.cacheHit}`;
    },
    atEnd: (sight) => {
      let [told, truly] = [0, 0];
      for (const { record, attempts } of sight.calls) {
        told += record.attempts;
        truly += attempts.filter(({ dispatchedAt }) => dispatchedAt !== undefined).length;
      }
      // Of work that went on when all had left nobody is told.
      const all = sight.calls.every((call) => !left(call, sight));
      if (told > truly || (all && told < truly))
        return `the records tell of ${told} attempts, there were ${truly}`;
    },
  },
  ...cacheInvariants,
];
