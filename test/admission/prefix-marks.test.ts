import { describe, expect, test } from "vitest";
import type { PrefixMark } from "../../src/core/call.ts";
import { TrunklineError } from "../../src/core/errors.ts";
import type { Message } from "../../src/core/message.ts";
import { type ChatRequest, makeRequest } from "../../src/core/request.ts";
import { Rig } from "./rig.ts";

const system = "You answer briefly. ".repeat(800);
const document = "The quick brown fox jumps over the lazy dog. ".repeat(400);

const says = (role: "system" | "user" | "assistant", content: string): Message => ({ role, content });
const ask = (...messages: readonly Message[]): ChatRequest => makeRequest("m", messages, {}, {});
const about = (question: string, ...leading: readonly string[]): ChatRequest =>
  ask(...[system, ...leading].map((text) => says("system", text)), says("user", question));

const marks = (rig: Rig): (PrefixMark | undefined)[] => rig.works.map(({ options }) => options.prefixMark);
const ends = (rig: Rig): (readonly number[] | undefined)[] => marks(rig).map((mark) => mark?.ends);

/** A provider that writes its cache where it is told to, or by itself. */
function provider(onlyMarked: boolean) {
  const rig = new Rig();
  const call = rig.line({ cachesPrefixes: true, onlyMarked: () => onlyMarked });
  /** Asks, and lets the answer come. */
  const turn = async (request: ChatRequest, options = rig.options()): Promise<void> => {
    const before = rig.works.length;
    const answer = call(request, options);
    await rig.settle();
    await rig.works[before]!.answer();
    await answer;
  };
  return { rig, call, turn };
}

describe.each([true, false])("what only some providers need told (%s)", (onlyMarked) => {
  test("a call alone is marked nowhere", async () => {
    const { rig, turn } = provider(onlyMarked);
    await turn(about("a"));
    expect(marks(rig)).toEqual([{ ends: [] }]);
  });

  test("calls of one tick are seen together: the first sent is marked already, where they share", async () => {
    const { rig, call } = provider(onlyMarked);
    for (let i = 0; i < 100; i++) call(about(`${i}`), rig.options());
    await rig.settle();
    expect(ends(rig)).toEqual([[1]]);
    await rig.works[0]!.answer();
    expect(ends(rig)).toEqual(Array(100).fill([1]));
    expect(new Set(marks(rig).map((mark) => mark!.key)).size).toBe(1);
    expect(marks(rig)[0]!.key).toMatch(/^p[0-9a-z]{5,12}$/);
  });

  test("a later call knows from the lane's memory that it is not the first", async () => {
    const { rig, turn } = provider(onlyMarked);
    for (const question of ["a", "b", "c"]) await turn(about(question));
    expect(ends(rig)).toEqual([[], [1], [1]]);
    await turn(ask(says("system", `Other. ${system}`), says("user", "d")));
    expect(ends(rig)[3]).toEqual([]);
  });

  test("what was seen so long ago that nothing of it could be left is forgotten", async () => {
    const { rig, turn } = provider(onlyMarked);
    await turn(about("a"));
    await rig.clock.advance(300_001);
    await turn(about("b"));
    expect(ends(rig)).toEqual([[], []]);
  });

  test("a call does not share with its own earlier attempt", async () => {
    const { rig, call } = provider(onlyMarked);
    const options = rig.options();
    const again = async (): Promise<void> => {
      call(about("a"), options).catch(() => {});
      await rig.settle();
      await rig.works.at(-1)!.fail(new TrunklineError("server_error", "500"));
    };
    await again();
    await again();
    expect(ends(rig)).toEqual([[], []]);
    call(about("b"), rig.options()).catch(() => {});
    await rig.settle();
    await rig.works.at(-1)!.fail(new TrunklineError("server_error", "500"));
    await again();
    await again();
    expect(ends(rig).slice(2)).toEqual([[1], [1], [1]]);
  });

  test("prefixSharing: false sets none, and neither does a prompt that is too short", async () => {
    const { rig, turn } = provider(onlyMarked);
    for (let i = 0; i < 2; i++) await turn(about("a"), rig.options({ prefixSharing: false }));
    for (let i = 0; i < 2; i++) await turn(ask(says("user", "short")));
    expect(marks(rig)).toEqual([undefined, undefined, undefined, undefined]);
  });
});

describe("a provider that caches only what is marked", () => {
  test("a call alone wrote nothing, so that those after it do not take it for warm", async () => {
    const { rig, call, turn } = provider(true);
    await turn(about("alone"));
    for (let i = 0; i < 50; i++) call(about(`${i}`), rig.options());
    await rig.settle();
    expect(ends(rig)).toEqual([[], [1]]);
    expect(rig.works[1]!.options.onDelta).toBeDefined();
    await rig.works[1]!.answer();
    expect(rig.works).toHaveLength(51);
  });

  test("nobody waits for a call that writes nothing", async () => {
    const { rig, call } = provider(true);
    call(about("streamed, alone"), rig.options({ onDelta() {} }));
    await rig.settle();
    call(about("b"), rig.options());
    await rig.settle();
    expect(ends(rig)).toEqual([[], [1]]);
  });

  test("one that automatically caches: a call alone has warmed it", async () => {
    const { rig, call, turn } = provider(false);
    await turn(about("alone"));
    for (let i = 0; i < 5; i++) call(about(`${i}`), rig.options());
    await rig.settle();
    expect(rig.works).toHaveLength(6);
  });

  test("where calls part: the shorter prefix that all have, and the longer that some have", async () => {
    const { rig, call } = provider(true);
    for (const part of ["x", "y"]) {
      for (const question of ["1", "2"]) call(about(part + question, part + document), rig.options());
    }
    await rig.settle();
    expect([rig.prompts(), ends(rig)]).toEqual([["x1"], [[1, 2]]]);
    await rig.works[0]!.answer();
    expect(rig.prompts()).toEqual(["x1", "x2", "y1"]);
    await rig.works[2]!.answer();
    expect(ends(rig)).toEqual(Array(4).fill([1, 2]));
    expect(new Set(marks(rig).map((mark) => mark!.key)).size).toBe(1);
  });

  test("where they part twice, the place before the last is written too", async () => {
    const { rig, call } = provider(true);
    for (const [i, [part, section]] of ["x1", "x1", "x2", "x2", "y1", "y1"].entries()) {
      call(about(`${i}`, part + document, part! + section! + document), rig.options());
    }
    await rig.settle();
    expect(ends(rig)).toEqual([[1, 2, 3]]);
    await rig.works[0]!.answer();
    // What the first wrote serves its like, and one call each goes on from where they part.
    expect(rig.works).toHaveLength(4);
  });

  test("a conversation: each turn is told where the last ones wrote, and where to write for the next", async () => {
    const { rig, turn } = provider(true);
    const messages: Message[] = [says("system", system)];
    for (let i = 0; i < 6; i++) {
      messages.push(says("user", `question ${i}`));
      await turn(ask(...messages));
      messages.push(says("assistant", `answer ${i}`));
    }
    const all = ends(rig);
    expect(all[0]).toEqual([]);
    for (let i = 1; i < 6; i++) {
      // The end of the prompt of the turn before is written now, that of the one before it is read.
      expect(all[i]!.at(-1)).toBe(2 * i);
      if (i > 1) expect(all[i]).toContain(2 * (i - 1));
      expect(all[i]![0]).toBe(1);
      expect(all[i]!.length).toBeLessThanOrEqual(4);
    }
  });

  test("the mark belongs to the attempt: a lane that knows of no other sets none", async () => {
    const { rig, turn } = provider(true);
    for (const question of ["a", "b"]) await turn(about(question));
    const other = rig.line({ cachesPrefixes: true, account: "other", onlyMarked: () => true });
    const options = rig.options();
    other(about("c"), options);
    await rig.settle();
    expect(ends(rig)).toEqual([[], [1], []]);
    expect(options.prefixMark).toBeUndefined();
  });
});
