import { Admission } from "../../src/admission/admission.ts";
import { keys } from "../../src/admission/keys.ts";
import { retry } from "../../src/admission/retry.ts";
import { Cache } from "../../src/cache/cache.ts";
import {
  type Call,
  type CallOptions,
  compose,
  type Layer,
  newRecord,
  priorities,
} from "../../src/core/call.ts";
import { caller } from "../../src/core/caller.ts";
import { completion } from "../../src/core/completion.ts";
import { TrunklineError } from "../../src/core/errors.ts";
import { silent } from "../../src/core/log.ts";
import { makeRequest } from "../../src/core/request.ts";
import type { Leave } from "../../src/core/signals.ts";
import { Slots } from "../../src/core/slots.ts";
import { Chance } from "./chance.ts";
import { World } from "./world.ts";

const never = Number.POSITIVE_INFINITY;
const model = "m";

/** What is the matter with a key, from an instant to another. */
interface Trouble {
  readonly kind: "auth" | "quota" | "permission" | "rate_limit";
  readonly from: number;
  readonly to: number;
  /** How long a 429 asks to wait. */
  readonly hintMs: number;
}

interface Sent {
  readonly key: number;
  readonly question: number;
  readonly at: number;
  endedAt?: number;
  refused?: Trouble["kind"];
}

interface Asked {
  readonly question: number;
  readonly aborts: boolean;
  left: boolean;
  answer?: string;
  error?: unknown;
  settles: number;
}

/** A layer in the place of the keys, or of the cache, to show that what is claimed can fail. */
export interface Instead {
  readonly keys?: (places: readonly Layer[], slots: Slots) => Layer;
  readonly cache?: Layer;
}

/**
 * One Client with several keys, of which one at least is in good order, and callers who often ask the same, on
 * virtual time. Brings what did not hold, in words.
 */
export async function severalKeys(seed: number, instead: Instead = {}): Promise<readonly string[]> {
  const chance = new Chance(seed, 9);
  const world = new World(seed, { often: 0, longest: 0 });
  const span = chance.size(1_000, 200_000);
  const troubles = drawTroubles(chance, span);
  const slots = new Slots(chance.pick([2_000, chance.size(2, 40)]));
  const sent: Sent[] = [];
  const backend: Call = (request, options) => {
    const { extra } = request;
    const one: Sent = { key: options.key ?? 0, question: extra!.question as number, at: world.now() };
    sent.push(one);
    return answered(one, troubles[one.key]!, world, options, chance.size(5, 3_000));
  };
  const open = new Set<Leave>();
  const call = line(world, troubles.length, slots, open, instead, backend);
  const asked = drawCalls(chance, world, span, call);
  const wrong: string[] = [];
  const unhandled = (error: unknown): void => void wrong.push(`unhandled: ${String(error)}`);
  process.on("unhandledRejection", unhandled);
  while (world.left("pending") + world.left("script") + world.left("turn") > 0) await world.step();
  process.off("unhandledRejection", unhandled);
  wrong.push(...flaws(asked, sent, troubles));
  if (slots.used > 0 || open.size > 0) wrong.push(`${slots.used} slots and ${open.size} callers are left`);
  return wrong;
}

/** The layers of a Client, in the order of the trunk. */
function line(
  world: World,
  count: number,
  slots: Slots,
  open: Set<Leave>,
  instead: Instead,
  backend: Call,
): Call {
  const admission = new Admission({ clock: world, logger: () => silent });
  const cache = new Cache({ clock: world, options: { tiers: ["memory"] } });
  const lines = Array.from({ length: count }, (_, i) => ({
    origin: "https://api.test",
    account: `account ${i}`,
    slots: [slots],
    concurrencyBound: false,
    cachesPrefixes: false,
    gauges: { queued: 0, waitingForSocket: 0 },
  }));
  const budget = admission.budget("https://api.test");
  const byKeys =
    instead.keys?.(
      lines.map((facts) => admission.layer(facts)),
      slots,
    ) ?? keys({ clock: world, logger: () => silent, admission, provider: "modelled", lines });
  const cached = instead.cache ?? cache.layer({ identity: "https://api.test", client: "one", open });
  return compose([caller(world, open), cached, retry({ clock: world, budget }), byKeys], backend);
}

function answered(
  one: Sent,
  trouble: Trouble | undefined,
  world: World,
  { signal, watch, onDelta }: CallOptions,
  ms: number,
): ReturnType<Call> {
  return new Promise((resolve, reject) => {
    const bad = trouble !== undefined && one.at >= trouble.from && one.at < trouble.to ? trouble : undefined;
    const over = (settle: () => void): void => {
      timer.cancel();
      signal?.removeEventListener("abort", leave);
      settle();
    };
    const leave = (): void => over(() => reject(signal!.reason));
    const timer = world.script(bad ? Math.min(ms, 300) : ms, "end", () => {
      one.endedAt = world.now();
      if (bad === undefined) {
        watch.onFirstByte?.();
        onDelta?.({ text: "said" });
        return over(() =>
          resolve(completion("said", { model, id: String(one.question), finishReason: "stop" })),
        );
      }
      one.refused = bad.kind;
      const hint = bad.kind === "rate_limit" ? { retryAfterMs: bad.hintMs } : {};
      const error = new TrunklineError(bad.kind, "refused", {
        status: bad.kind === "rate_limit" ? 429 : 401,
        ...hint,
      });
      over(() => reject(error));
    });
    signal?.addEventListener("abort", leave);
  });
}

/** Each key's trouble; the first drawn place has none. */
function drawTroubles(chance: Chance, span: number): (Trouble | undefined)[] {
  const count = chance.int(2, 4);
  const well = chance.int(0, count - 1);
  return Array.from({ length: count }, (_, i) => {
    if (i === well) return undefined;
    const from = chance.yes(0.5) ? 0 : chance.int(0, span);
    return {
      kind: chance.pick(["auth", "quota", "permission", "rate_limit"] as const),
      from,
      to: chance.yes(0.6) ? never : from + chance.size(100, span),
      hintMs: chance.size(100, 60_000),
    };
  });
}

function drawCalls(chance: Chance, world: World, span: number, call: Call): Asked[] {
  const questions = chance.int(1, 40);
  const together = chance.next();
  return Array.from({ length: chance.size(5, 200) }, (_, id): Asked => {
    const asked: Asked = {
      question: chance.int(1, questions),
      aborts: chance.yes(0.1),
      left: false,
      settles: 0,
    };
    const controller = new AbortController();
    const stream = chance.yes(0.3);
    const priority = chance.pick(priorities);
    const leavesAfter = chance.size(1, 5_000);
    world.script(chance.yes(together) ? 0 : chance.int(0, span), "call", () => {
      const options: CallOptions = {
        signal: controller.signal,
        ...(stream && { onDelta() {} }),
        deadlineAt: never,
        timeout: 300_000,
        firstByteTimeout: 300_000,
        idleTimeout: 300_000,
        queueTimeout: never,
        maxQueue: 100_000,
        maxRetries: 3,
        abandonAfter: 1_000,
        priority,
        fairnessKey: `run ${id % 3}`,
        prefixSharing: false,
        cache: { mode: "use", scope: "" },
        watch: {},
        record: newRecord(world.now()),
      };
      const request = makeRequest(
        model,
        `question ${asked.question}`,
        { extra: { question: asked.question } },
        {},
      );
      call(request, options).then(
        ({ id: answer }) => Object.assign(asked, { answer, settles: asked.settles + 1 }),
        (error) => Object.assign(asked, { error, settles: asked.settles + 1 }),
      );
      if (!asked.aborts) return;
      world.script(leavesAfter, "abort", () => {
        asked.left = asked.settles === 0;
        controller.abort();
      });
    });
    return asked;
  });
}

/** A key that was refused is left alone for so long at first. */
const asideMs = 10_000;

function flaws(
  asked: readonly Asked[],
  sent: readonly Sent[],
  troubles: readonly (Trouble | undefined)[],
): string[] {
  const wrong: string[] = [];
  for (const { question, left, answer, error, settles } of asked) {
    if (settles !== 1) wrong.push(`lost: question ${question} settled ${settles} times`);
    else if (!left && answer !== String(question))
      wrong.push(`failed: question ${question} ended with ${answer ?? error}`);
  }
  const paid = new Set<number>();
  for (const { question, endedAt, refused } of sent) {
    if (endedAt === undefined || refused !== undefined) continue;
    if (paid.has(question)) wrong.push(`paid twice: question ${question}`);
    paid.add(question);
  }
  for (const [key, trouble] of troubles.entries()) {
    const ofKey = sent.filter((one) => one.key === key);
    const refusals = ofKey.filter(({ refused }) => refused !== undefined);
    const first = Math.min(...refusals.map(({ endedAt }) => endedAt!));
    if (trouble === undefined || refusals.length === 0) continue;
    // Whether a key lacks a permission, or nobody has it, is known when another was let in.
    if (trouble.kind === "permission") continue;
    const until = first + (trouble.kind === "rate_limit" ? trouble.hintMs : asideMs);
    const again = ofKey.find(({ at }) => at > first && at < until);
    if (again !== undefined)
      wrong.push(`asked again: key ${key} (${trouble.kind}) at ${again.at}, refused at ${first}`);
  }
  return wrong;
}
