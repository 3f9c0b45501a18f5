import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Delta } from "../../src/core/call.ts";
import { completion } from "../../src/core/completion.ts";
import { CompletionStream } from "../../src/lm/stream.ts";

const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("streams", () => {
  test("nothing starts before the first next() or a look at `completion`", async () => {
    let started = 0;
    const make = () =>
      new CompletionStream(async (onDelta) => {
        started++;
        onDelta({ text: "hi" });
        return completion("hi");
      });
    make();
    await settle();
    expect(started).toBe(0);
    expect((await make().next()).value).toEqual({ text: "hi" });
    expect((await make().completion).text).toBe("hi");
    expect(started).toBe(2);
  });

  test("deltas that nobody took are merged, not dropped", async () => {
    const stream = new CompletionStream(async (onDelta) => {
      for (const text of ["a", "b", "c"]) onDelta({ text });
      onDelta({ text: "", toolCall: { index: 0, id: "x", name: "f", argumentsText: "{" } });
      onDelta({ text: "", toolCall: { index: 0, argumentsText: "}" } });
      onDelta({ text: "", toolCall: { index: 1, id: "y" } });
      return completion("abc");
    });
    const seen: Delta[] = [];
    for await (const delta of stream) seen.push(delta);
    expect(seen).toEqual([
      { text: "abc" },
      { text: "", toolCall: { index: 0, id: "x", name: "f", argumentsText: "{}" } },
      { text: "", toolCall: { index: 1, id: "y" } },
    ]);
  });

  test("leaving the loop aborts the call, and its completion is no unhandled rejection", async () => {
    let reason: unknown;
    const stream = new CompletionStream(
      (onDelta, signal) =>
        new Promise((_, reject) => {
          onDelta({ text: "a" });
          signal.addEventListener("abort", () => {
            reason = signal.reason;
            reject(new Error("aborted"));
          });
        }),
    );
    for await (const _ of stream) break;
    await settle();
    expect(reason).toBeDefined();
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  test("a failure comes after the deltas that preceded it", async () => {
    const stream = new CompletionStream(async (onDelta) => {
      onDelta({ text: "par" });
      onDelta({ text: "tial" });
      throw new Error("the line broke");
    });
    const seen: string[] = [];
    const read = async () => {
      for await (const delta of stream) seen.push(delta.text);
    };
    await expect(read()).rejects.toThrow("the line broke");
    expect(seen).toEqual(["partial"]);
    await expect(stream.completion).rejects.toThrow("the line broke");
  });

  test("several next() at once bring the pieces in order", async () => {
    const stream = new CompletionStream(async (onDelta) => {
      for (const text of ["a", "b"]) {
        await settle();
        onDelta({ text });
      }
      return completion("ab");
    });
    const results = await Promise.all([stream.next(), stream.next(), stream.next()]);
    expect(results.map(({ value }) => value?.text)).toEqual(["a", "b", undefined]);
  });

  test("a stream left before it started never starts", async () => {
    let started = false;
    const stream = new CompletionStream(async () => {
      started = true;
      return completion("");
    });
    await stream.return();
    await expect(stream.completion).rejects.toMatchObject({ code: "aborted" });
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(started).toBe(false);
  });

  test("however reading and writing interleave, the texts add up", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.string(), fc.boolean()), { maxLength: 30 }), async (pieces) => {
        const stream = new CompletionStream(async (onDelta) => {
          for (const [text, pause] of pieces) {
            if (pause) await settle();
            onDelta({ text });
          }
          return completion("");
        });
        let text = "";
        for await (const delta of stream) text += delta.text;
        expect(text).toBe(pieces.map(([piece]) => piece).join(""));
      }),
      { numRuns: 100 },
    );
  });
});
