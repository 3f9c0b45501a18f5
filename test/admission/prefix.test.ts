import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PrefixHasher } from "../../src/admission/prefix-key.ts";
import { prefixLifetime, smallestPrefix } from "../../src/admission/prefix-size.ts";
import type { CallOptions } from "../../src/core/call.ts";
import { TrunklineError } from "../../src/core/errors.ts";
import type { Message } from "../../src/core/message.ts";
import { type ChatRequest, makeRequest } from "../../src/core/request.ts";
import { Slots } from "../../src/core/slots.ts";
import { Rig } from "./rig.ts";

const system = "You answer briefly. ".repeat(800);
const document = "The quick brown fox jumps over the lazy dog. ".repeat(400);

function ask(question: string, model = "m", leading: readonly string[] = [system]): ChatRequest {
  const messages: Message[] = leading.map((content) => ({ role: "system", content }));
  return makeRequest(model, [...messages, { role: "user", content: question }], {}, {});
}

/** Starts `count` calls with one prefix in this tick. */
function startAll(rig: Rig, count: number, options: Partial<CallOptions> = {}) {
  const call = rig.line({ cachesPrefixes: true });
  const own = Array.from({ length: count }, () => rig.options(options));
  return own.map((each, i) => call(ask(`question ${i}`), each).catch((error) => error));
}

describe("shared prefixes are paid once", () => {
  test("of the calls of one tick one leads, as a stream, and the others go at its first event", async () => {
    const rig = new Rig();
    startAll(rig, 2_000);
    await rig.settle();
    expect(rig.prompts()).toEqual(["question 0"]);
    expect(rig.works[0]!.options.onDelta).toBeDefined();
    expect(rig.admission.stats().lanes[0]).toMatchObject({
      queued: 1_999,
      inFlight: 1,
      waitingForPrefix: 1_999,
    });
    await rig.clock.advance(500);
    expect(rig.works).toHaveLength(1);
    rig.works[0]!.options.onDelta!({ text: "h" });
    await rig.settle();
    expect(rig.works).toHaveLength(2_000);
    expect(rig.works.slice(1).every(({ options }) => options.onDelta === undefined)).toBe(true);
    expect(rig.prompts()).toEqual(Array.from({ length: 2_000 }, (_, i) => `question ${i}`));
  });

  test("followers hold neither slot nor tokens", async () => {
    const rig = new Rig();
    const slots = new Slots(10);
    const call = rig.line({ cachesPrefixes: true, slots: [slots], requestsPerMinute: 60_000 });
    for (let i = 0; i < 10; i++) call(ask(`q${i}`), rig.options());
    await rig.settle();
    expect(slots.used).toBe(1);
    expect(rig.admission.stats().lanes[0]!.rates[0]!.level).toBe(99);
    // A call without the prefix passes them.
    call(makeRequest("m", "short", {}, {}), rig.options());
    await rig.settle();
    expect(rig.prompts().at(-1)).toBe("short");
  });

  test("the first byte ends the lead of a driver that reports no delta", async () => {
    const rig = new Rig();
    startAll(rig, 3);
    await rig.settle();
    rig.works[0]!.options.watch.onFirstByte!();
    await rig.settle();
    expect(rig.works).toHaveLength(3);
  });

  test("a driver that reports nothing counts its whole answer as the first byte", async () => {
    const rig = new Rig();
    startAll(rig, 3);
    await rig.settle();
    await rig.works[0]!.answer();
    expect(rig.works).toHaveLength(3);
  });

  test("a failed leader is followed by the next", async () => {
    const rig = new Rig();
    startAll(rig, 4);
    await rig.settle();
    await rig.works[0]!.fail(new TrunklineError("network", "lost"));
    expect(rig.prompts()).toEqual(["question 0", "question 1"]);
    expect(rig.works[1]!.options.onDelta).toBeDefined();
    await rig.works[1]!.fail(new TrunklineError("server_error", "500", { status: 500 }));
    expect(rig.works).toHaveLength(3);
    await rig.works[2]!.answer();
    expect(rig.works).toHaveLength(4);
  });

  test("after prefixWait everybody goes", async () => {
    const rig = new Rig();
    startAll(rig, 3, { prefixSharing: { prefixWait: 2_000 } });
    await rig.clock.advance(1_999);
    expect(rig.works).toHaveLength(1);
    await rig.clock.advance(1);
    expect(rig.works).toHaveLength(3);
    expect(rig.works.map(({ options }) => options.onDelta !== undefined)).toEqual([true, false, false]);
    expect(rig.clock.pending).toBe(0);
  });

  test("prefixWait is each call's own", async () => {
    const rig = new Rig();
    const call = rig.line({ cachesPrefixes: true });
    for (const [i, wait] of [undefined, 50, undefined, 50, 20_000].entries()) {
      const prefixSharing = wait === undefined ? "auto" : { prefixWait: wait };
      call(ask(`${i}`), rig.options({ prefixSharing }));
    }
    await rig.clock.advance(50);
    expect(rig.prompts()).toEqual(["0", "1", "3"]);
    await rig.clock.advance(9_950);
    expect(rig.prompts().slice(3)).toEqual(["2"]);
    await rig.clock.advance(10_000);
    expect(rig.prompts().slice(4)).toEqual(["4"]);
  });

  test("warmth lasts five minutes and is renewed by use", async () => {
    const rig = new Rig();
    const call = rig.line({ cachesPrefixes: true });
    call(ask("a"), rig.options());
    await rig.settle();
    await rig.works[0]!.answer();
    await rig.clock.advance(200_000);
    call(ask("b"), rig.options());
    call(ask("c"), rig.options());
    await rig.settle();
    expect(rig.works).toHaveLength(3);
    await rig.clock.advance(200_000);
    for (const question of ["d", "e"]) call(ask(question), rig.options());
    await rig.settle();
    expect(rig.works).toHaveLength(5);
    await rig.clock.advance(300_001);
    for (const question of ["f", "g"]) call(ask(question), rig.options());
    await rig.settle();
    expect(rig.works).toHaveLength(6);
  });

  test("a call alone waits one turn at most and is not streamed", async () => {
    const rig = new Rig();
    const call = rig.line({ cachesPrefixes: true });
    call(ask("a"), rig.options());
    expect(rig.clock.pending).toBe(0);
    await rig.settle();
    expect(rig.works).toHaveLength(1);
    expect(rig.works[0]!.options.onDelta).toBeUndefined();
  });

  test("a call that comes while another was sent alone leads for those after it", async () => {
    const rig = new Rig();
    const call = rig.line({ cachesPrefixes: true });
    call(ask("a"), rig.options());
    await rig.clock.advance(10);
    for (const question of ["b", "c"]) call(ask(question), rig.options());
    await rig.clock.advance(10);
    expect(rig.prompts()).toEqual(["a", "b"]);
    expect(rig.works[1]!.options.onDelta).toBeDefined();
    await rig.works[0]!.answer();
    expect(rig.prompts()).toEqual(["a", "b", "c"]);
  });

  test("a streamed call that was sent alone is waited for", async () => {
    const rig = new Rig();
    const call = rig.line({ cachesPrefixes: true });
    call(ask("a"), rig.options({ onDelta() {} }));
    await rig.clock.advance(10);
    call(ask("b"), rig.options());
    await rig.clock.advance(10);
    expect(rig.prompts()).toEqual(["a"]);
    rig.works[0]!.options.watch.onFirstByte!();
    await rig.settle();
    expect(rig.prompts()).toEqual(["a", "b"]);
  });

  test("a shorter prefix that all share is written first, then the longer ones side by side", async () => {
    const rig = new Rig();
    const call = rig.line({ cachesPrefixes: true });
    for (const part of ["x", "y"]) {
      for (const question of ["1", "2"]) {
        call(ask(`${part}${question}`, "m", [system, part + document]), rig.options());
      }
    }
    await rig.settle();
    expect(rig.prompts()).toEqual(["x1"]);
    rig.works[0]!.options.watch.onFirstByte!();
    await rig.settle();
    expect(rig.prompts()).toEqual(["x1", "x2", "y1"]);
    rig.works[2]!.options.watch.onFirstByte!();
    await rig.settle();
    expect(rig.prompts()).toEqual(["x1", "x2", "y1", "y2"]);
  });

  test("an aborted follower leaves at once, an aborted newcomer is not compared", async () => {
    const rig = new Rig();
    const call = rig.line({ cachesPrefixes: true });
    const controllers = Array.from({ length: 3 }, () => new AbortController());
    const calls = controllers.map(({ signal }, i) => call(ask(`q${i}`), rig.options({ signal })));
    const settled = Promise.allSettled(calls);
    controllers[1]!.abort(new TrunklineError("aborted", "left"));
    await rig.settle();
    expect(rig.prompts()).toEqual(["q0"]);
    controllers[2]!.abort(new TrunklineError("aborted", "left"));
    await rig.settle();
    expect(rig.admission.stats().lanes[0]).toMatchObject({ queued: 0, waitingForPrefix: 0 });
    expect(rig.clock.pending).toBe(0);
    await rig.works[0]!.answer();
    expect((await settled).map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected"]);
  });

  test("off by option, off below the size, on by a smaller one", async () => {
    for (const [prefixSharing, question, expected] of [
      [false, ask("q"), 3],
      ["auto", makeRequest("m", "a short one", {}, {}), 3],
      [{ minTokens: 100_000 }, ask("q"), 3],
      [{ minTokens: 1 }, makeRequest("m", "a short one", {}, {}), 1],
    ] as const) {
      const rig = new Rig();
      const call = rig.line({ cachesPrefixes: true });
      for (let i = 0; i < 3; i++) call(question, rig.options({ prefixSharing }));
      await rig.settle();
      expect(rig.works).toHaveLength(expected);
    }
  });

  test("warmth belongs to the lane, whatever Client wrote it", async () => {
    const rig = new Rig();
    const one = rig.line({ cachesPrefixes: true });
    const other = rig.line({ cachesPrefixes: true });
    one(ask("a"), rig.options());
    other(ask("b"), rig.options());
    other(ask("c", "another model"), rig.options());
    await rig.settle();
    expect(rig.prompts()).toEqual(["a", "c"]);
  });

  test("any order of starts, answers, failures, aborts and waiting settles every call, with one leader at a time", async () => {
    const step = fc.constantFrom("start", "answer", "fail", "abort", "first", "wait");
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
        const rig = new Rig();
        const call = rig.line({ cachesPrefixes: true, slots: [new Slots(4)] });
        const calls: Promise<unknown>[] = [];
        const controllers: AbortController[] = [];
        const over = new Set<number>();
        let warm = false;
        const oldest = (): number => rig.works.findIndex((_, i) => !over.has(i));
        const end = async (how: "answer" | "fail"): Promise<void> => {
          const i = oldest();
          if (i < 0) return;
          over.add(i);
          if (how === "answer") await rig.works[i]!.answer();
          else await rig.works[i]!.fail(new TrunklineError("network", "lost"));
          warm ||= how === "answer";
        };
        for (const what of steps) {
          if (what === "start") {
            const controller = new AbortController();
            controllers.push(controller);
            // Streams, so that whoever is first leads, alone or not.
            const options = rig.options({ signal: controller.signal, onDelta() {} });
            calls.push(call(ask(`q${calls.length}`), options).catch(() => {}));
          } else if (what === "abort") {
            controllers.at(-1)?.abort(new TrunklineError("aborted", "left"));
          } else if (what === "first") {
            const i = oldest();
            if (i >= 0) rig.works[i]!.options.watch.onFirstByte!();
            warm ||= i >= 0;
          } else if (what === "wait") await rig.clock.advance(1_000);
          else await end(what);
          await rig.settle();
          if (!warm && rig.clock.now() < 10_000) expect(rig.works.length - over.size).toBeLessThanOrEqual(1);
        }
        for (let i = 0; i < 200 && (oldest() >= 0 || rig.clock.pending > 0); i++) {
          await end("answer");
          await rig.clock.advance(100);
        }
        await Promise.all(calls);
        expect(rig.admission.stats().lanes[0]?.queued ?? 0).toBe(0);
        expect(rig.clock.pending).toBe(0);
      }),
      { numRuns: 100 },
    );
  });
});

describe("what is a prefix", () => {
  const hasher = new PrefixHasher();

  test("equal prompts have equal boundaries; a change moves those from it on", () => {
    const text = fc.string({ minLength: 1, maxLength: 40, unit: "grapheme" });
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 8 }), fc.nat(), text, (texts, at, other) => {
        const place = at % texts.length;
        fc.pre(texts[place] !== other);
        const changed = texts.with(place, other);
        const keysOf = (list: string[]): readonly number[] => hasher.prefixesOf(ask("?", "m", list), 1)!.keys;
        expect(keysOf([...texts])).toEqual(keysOf(texts));
        expect(keysOf(changed).slice(0, place)).toEqual(keysOf(texts).slice(0, place));
        for (let i = place; i < texts.length; i++) expect(keysOf(changed)[i]).not.toBe(keysOf(texts)[i]);
      }),
    );
  });

  test("tools come before everything, and roles tell prompts apart", () => {
    const tools = [{ name: "look", inputSchema: {} }];
    const messages: Message[] = [{ role: "system", content: system }];
    const keyOf = (request: ChatRequest): number => hasher.prefixesOf(request, 1)!.keys[0]!;
    const plain = keyOf(makeRequest("m", messages, {}, {}));
    expect(keyOf(makeRequest("m", messages, { tools }, {}))).not.toBe(plain);
    expect(keyOf(makeRequest("m", [{ role: "user", content: system }], {}, {}))).not.toBe(plain);
    expect(keyOf(makeRequest("another", messages, { temperature: 1 }, {}))).toBe(plain);
  });

  test("of a long chat the first and the last boundaries count", () => {
    const messages: Message[] = Array.from({ length: 100 }, (_, i) => ({ role: "user", content: `m${i}` }));
    const { keys } = hasher.prefixesOf(makeRequest("m", messages, {}, {}), 1)!;
    expect(keys).toHaveLength(16);
    const next = hasher.prefixesOf(makeRequest("m", [...messages, ...messages.slice(0, 2)], {}, {}), 1)!;
    expect(next.keys).toContain(keys.at(-1));
  });

  test.each([
    ["gpt-4o-mini", 1_024],
    ["claude-opus-4-6", 4_096],
    ["claude-opus-4-1-20250805", 1_024],
    ["claude-opus-4-7", 2_048],
    ["claude-sonnet-4-6", 1_024],
    ["anthropic/claude-haiku-4.5", 4_096],
    ["claude-3-5-haiku-20241022", 2_048],
    ["claude-opus-5", 512],
    ["claude-opus-4.8", 1_024],
    ["claude-sonnet-5", 1_024],
    ["gemini-2.5-pro", 2_048],
    ["gemini-2.5-flash", 2_048],
    ["gemini-3.8-flash", 4_096],
    ["google/gemini-3.1-pro-preview", 4_096],
  ])("the smallest prefix of %s is %i tokens", (model, tokens) => {
    expect(smallestPrefix(model)).toBe(tokens);
  });

  test("how long it lives without use: half an hour from GPT-5.6 on, else five minutes", () => {
    for (const model of ["gpt-5.6", "gpt-5.10-mini", "openai/gpt-6"])
      expect(prefixLifetime(model)).toBe(1_800_000);
    for (const model of ["gpt-5.5", "gpt-35-turbo", "gpt-4o", "m"])
      expect(prefixLifetime(model)).toBe(300_000);
  });
});
