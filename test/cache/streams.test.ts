import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Transcript } from "../../src/cache/transcript.ts";
import type { Delta } from "../../src/core/call.ts";
import { completion } from "../../src/core/completion.ts";
import { TrunklineError } from "../../src/core/errors.ts";
import { ask, Rig, settled } from "./rig.ts";

describe("streams", () => {
  test("C16: a streamed answer is stored after its end, and shared with plain calls", async () => {
    const rig = new Rig();
    const streamed = rig.ask({ stream: true });
    rig.works[0]!.say("Once ");
    expect(rig.cache.stats().entries).toBe(0);
    rig.works[0]!.say("upon");
    rig.works[0]!.answer("Once upon");
    await streamed.promise;
    expect(streamed.deltas).toEqual([{ text: "Once " }, { text: "upon" }]);
    expect(await rig.get()).toMatchObject({ text: "Once upon", cacheHit: true });
  });

  test("C16: a stored answer is told as a stream, and not before the call has returned", async () => {
    const rig = new Rig();
    const toolCalls = [{ id: "1", name: "look", arguments: {}, argumentsText: "{}" }];
    const first = rig.ask();
    rig.works[0]!.answer("hi", { reasoning: "Hm.", toolCalls });
    await first.promise;
    const hit = rig.ask({ stream: true });
    expect(hit.deltas).toEqual([]);
    expect((await hit.promise).cacheHit).toBe(true);
    expect(hit.deltas).toEqual([
      { text: "", reasoning: "Hm." },
      { text: "hi" },
      { text: "", toolCall: { index: 0, id: "1", name: "look", argumentsText: "{}" } },
    ]);
  });

  test("a hit whose caller left meanwhile tells nothing", async () => {
    const rig = new Rig();
    await rig.get();
    const hit = rig.ask({ stream: true });
    hit.abort();
    await expect(hit.promise).rejects.toMatchObject({ code: "aborted" });
    await settled();
    expect(hit.deltas).toEqual([]);
  });

  test("who joins a stream late hears what was said so far as one delta, and then the rest", async () => {
    const rig = new Rig();
    const first = rig.ask({ stream: true });
    const { say, answer } = rig.works[0]!;
    say("Once ");
    say("upon ");
    const late = rig.ask({ stream: true });
    expect(late.deltas).toEqual([]);
    await settled();
    expect(late.deltas).toEqual([{ text: "Once upon " }]);
    say("a time");
    answer("Once upon a time");
    await late.promise;
    expect(late.deltas).toEqual([{ text: "Once upon " }, { text: "a time" }]);
    expect(first.text()).toBe("Once upon a time");
  });

  test("a delta that comes before the late one was told is in what it is told, once", async () => {
    const rig = new Rig();
    rig.ask({ stream: true });
    rig.works[0]!.say("a");
    const late = rig.ask({ stream: true });
    rig.works[0]!.say("b");
    await settled();
    rig.works[0]!.say("c");
    expect(late.text()).toBe("abc");
  });

  test("a plain call joins a stream, and a stream a plain call, which tells it the whole at the end", async () => {
    const rig = new Rig();
    const [plain, stream] = [rig.ask(), rig.ask({ stream: true })];
    expect(rig.works[0]!.options.onDelta).toBeUndefined();
    rig.works[0]!.answer("whole");
    expect((await plain.promise).text).toBe((await stream.promise).text);
    expect(stream.deltas).toEqual([{ text: "whole" }]);

    const leader = rig.ask({ stream: true, request: ask("b") });
    const joiner = rig.ask({ request: ask("b") });
    rig.works[1]!.say("b");
    rig.works[1]!.answer("b");
    expect((await joiner.promise).text).toBe("b");
    expect(leader.text()).toBe("b");
  });

  test("a reader who leaves, or whose listener throws, ends its own call alone", async () => {
    const rig = new Rig();
    const leaver = rig.ask({ stream: true });
    const thrower = rig.ask({
      onDelta() {
        throw new Error("mine");
      },
    });
    const stayer = rig.ask({ stream: true });
    await settled();
    rig.works[0]!.say("a");
    await expect(thrower.promise).rejects.toMatchObject({ code: "aborted", cause: { message: "mine" } });
    leaver.abort();
    rig.works[0]!.say("b");
    rig.works[0]!.answer("ab");
    expect((await stayer.promise).text).toBe("ab");
    expect(leaver.text()).toBe("a");
    expect(stayer.text()).toBe("ab");
  });

  test("a reader may ask the same from inside its listener", async () => {
    const rig = new Rig();
    let inner: ReturnType<Rig["ask"]> | undefined;
    const outer = rig.ask({
      onDelta() {
        inner ??= rig.ask({ stream: true });
      },
    });
    rig.works[0]!.say("a");
    await settled();
    rig.works[0]!.say("b");
    rig.works[0]!.answer("ab");
    await outer.promise;
    expect((await inner!.promise).text).toBe("ab");
    expect(inner!.text()).toBe("ab");
  });

  test("a hit whose listener throws fails as its own call", async () => {
    const rig = new Rig();
    await rig.get();
    const hit = rig.ask({
      onDelta() {
        throw new Error("mine");
      },
    });
    await expect(hit.promise).rejects.toMatchObject({ code: "aborted", cause: { message: "mine" } });
  });

  test("who has heard the beginning is not told it twice: where another's failure ends the stream, it is cut short", async () => {
    const rig = new Rig();
    const other = rig.line({ client: "other#2" });
    const mine = rig.ask({ stream: true });
    const [heard, plain] = [rig.ask({ stream: true }, other), rig.ask({}, other)];
    await settled();
    rig.works[0]!.say("Once");
    const partial = completion("Once");
    rig.works[0]!.fail(new TrunklineError("closed", "closing", { partial }));
    await expect(mine.promise).rejects.toMatchObject({ code: "closed" });
    await expect(heard.promise).rejects.toMatchObject({ code: "incomplete", retryable: true, partial });
    await settled();
    rig.works[1]!.answer("Once upon");
    expect((await plain.promise).text).toBe("Once upon");
    expect(heard.text()).toBe("Once");
  });
});

test("a transcript tells in one go what the deltas told together", () => {
  const delta: fc.Arbitrary<Delta> = fc.record(
    {
      text: fc.string({ maxLength: 3 }),
      reasoning: fc.string({ maxLength: 3 }),
      choice: fc.nat(2),
      toolCall: fc.record(
        {
          index: fc.nat(2),
          id: fc.string({ maxLength: 2 }),
          name: fc.string({ maxLength: 2 }),
          argumentsText: fc.string(),
        },
        { requiredKeys: ["index"] },
      ),
    },
    { requiredKeys: ["text"] },
  );
  fc.assert(
    fc.property(fc.array(delta, { maxLength: 20 }), (deltas) => {
      const transcript = new Transcript();
      for (const each of deltas) transcript.add(each);
      const told: Delta[] = [];
      transcript.tell((each) => told.push(each));
      expect(read(told)).toEqual(read(deltas));
      expect(told.length).toBeLessThanOrEqual(3 * 5);
    }),
  );
});

/** What a reader makes of deltas. */
function read(deltas: readonly Delta[]): object {
  const choices: Record<number, { text: string; reasoning: string; tools: Record<number, object> }> = {};
  for (const { text, reasoning = "", choice = 0, toolCall } of deltas) {
    choices[choice] ??= { text: "", reasoning: "", tools: {} };
    const read = choices[choice];
    read.text += text;
    read.reasoning += reasoning;
    if (toolCall === undefined) continue;
    const { index, id, name, argumentsText = "" } = toolCall;
    const known = read.tools[index] as { id?: string; name?: string; argumentsText: string } | undefined;
    read.tools[index] = {
      id: id ?? known?.id,
      name: name ?? known?.name,
      argumentsText: (known?.argumentsText ?? "") + argumentsText,
    };
  }
  return Object.fromEntries(
    Object.entries(choices).filter(
      ([, c]) => c.text !== "" || c.reasoning !== "" || Object.keys(c.tools).length > 0,
    ),
  );
}
