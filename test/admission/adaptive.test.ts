import { describe, expect, test } from "vitest";
import type { Call } from "../../src/core/call.ts";
import { completion } from "../../src/core/completion.ts";
import { Rig, request } from "./rig.ts";

/** A backend that works on `knee` calls at once and queues the rest, as Ollama and vLLM do. */
function backend(rig: Rig, knee: () => number, outputTokens: () => number): Call {
  let running = 0;
  const waiting: (() => void)[] = [];
  const after = (ms: number): Promise<void> => new Promise((resolve) => rig.clock.after(ms, resolve));
  return async (_request, options) => {
    if (running >= knee()) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    await after(100 * (0.9 + 0.2 * rig.clock.random()));
    options.watch.onFirstByte?.();
    const tokens = outputTokens();
    await after(10 * tokens);
    running--;
    for (; running < knee() && waiting.length > 0; running++) waiting.shift()!();
    return completion("ok", { inputTokens: 10, outputTokens: tokens });
  };
}

/** Keeps 500 callers busy and gives the mean limit of the last fifth of the time. */
async function settled(streamed: boolean, knee: () => number, rig = new Rig()): Promise<number> {
  const tokens = (): number => 1 + Math.floor(rig.clock.random() * 100);
  const layer = rig.admission.layer(rig.facts({ concurrencyBound: true }));
  const call = layer(backend(rig, knee, tokens));
  const ask = request("a");
  let over = false;
  const caller = async (): Promise<void> => {
    while (!over) await call(ask, rig.options({ onDelta: streamed ? () => {} : undefined }));
  };
  const all = Array.from({ length: 200 }, caller);
  let sum = 0;
  for (let second = 0; second < 100; second++) {
    await rig.clock.advance(1_000);
    if (second >= 80) sum += rig.admission.stats().lanes[0]!.concurrency! / 20;
  }
  over = true;
  while (rig.admission.stats().lanes[0]!.inFlight > 0) await rig.clock.advance(1_000);
  await Promise.all(all);
  return sum;
}

describe("adaptive concurrency settles near what the backend can work on", () => {
  test.each([1, 2, 4, 16, 48])("streamed, %i at once", async (knee) => {
    const mean = await settled(true, () => knee);
    expect(mean).toBeGreaterThanOrEqual(0.75 * knee);
    expect(mean).toBeLessThanOrEqual(1.25 * knee + 1.5);
  });

  test.each([4, 16, 48])("not streamed, answers of 1 to 100 tokens, %i at once", async (knee) => {
    const mean = await settled(false, () => knee);
    expect(mean).toBeGreaterThanOrEqual(0.6 * knee);
    expect(mean).toBeLessThanOrEqual(1.6 * knee + 1);
  });

  test("follows a backend that loses half of its capacity", async () => {
    const rig = new Rig();
    const mean = await settled(true, () => (rig.clock.now() < 40_000 ? 32 : 16), rig);
    expect(mean).toBeGreaterThanOrEqual(12);
    expect(mean).toBeLessThanOrEqual(21);
  });

  test("a backend that has become slower is not taken for overloaded for ever", async () => {
    const rig = new Rig();
    const call = rig.admission.layer(rig.facts({ concurrencyBound: true }))(rig.driver);
    let over = false;
    let firstTokenMs = 100;
    const caller = async (): Promise<void> => {
      while (!over) await call(request("a"), rig.options({ onDelta() {} }));
    };
    const all = Array.from({ length: 8 }, caller);
    for (let round = 0; round < 200; round++) {
      if (round === 40) firstTokenMs = 400;
      const running = rig.works.splice(0);
      await rig.clock.advance(firstTokenMs);
      for (const work of running) work.options.watch.onFirstByte!();
      for (const work of running) await work.answer("ok", { outputTokens: 10 });
    }
    expect(rig.admission.stats().lanes[0]!.concurrency).toBeGreaterThanOrEqual(8);
    over = true;
    while (rig.works.length > 0) await rig.works.shift()!.answer();
    await Promise.all(all);
  });

  test("a slow but unloaded backend with long answers is not mistaken for a loaded one", async () => {
    const rig = new Rig();
    const call = rig.admission.layer(rig.facts({ concurrencyBound: true }))(rig.driver);
    for (let i = 0; i < 60; i++) {
      call(request("a"), rig.options());
      await rig.clock.advance(i < 20 ? 100 : 20_000);
      await rig.works[i]!.answer("ok", { outputTokens: i < 20 ? 10 : 2_000 });
    }
    expect(rig.admission.stats().lanes[0]!.concurrency).toBeGreaterThanOrEqual(4);
  });
});
