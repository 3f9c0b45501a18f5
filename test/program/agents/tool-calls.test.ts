import { getEventListeners } from "node:events";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { context, TrunklineError } from "../../../src/index.ts";
import { runInScope } from "../../../src/lm/scope.ts";
import type { ToolEvent } from "../../../src/program/events.ts";
import type { AnyTool, ToolContext, Tools } from "../../../src/program/tool.ts";
import { runTools } from "../../../src/program/tool-calls.ts";
import { Toolbox } from "../../../src/program/toolbox.ts";
import { FakeClock } from "../../../src/testing/index.ts";
import { callOf } from "./rig.ts";

const anything = { type: "object" };
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
const doing = (execute: AnyTool["execute"], more: Partial<AnyTool> = {}): AnyTool => ({
  inputSchema: anything,
  execute,
  ...more,
});

/** Runs calls with tools; the clock stands still. */
const run = (tools: Tools, calls: Parameters<typeof runTools>[1], onEvent?: (event: ToolEvent) => void) =>
  runTools(new Toolbox("test", tools), calls, { clock: new FakeClock(), onEvent });
const only = async (execute: AnyTool["execute"], given: unknown = {}, more: Partial<AnyTool> = {}) => {
  const [answer] = await run({ t: doing(execute, more) }, [callOf("t", given)]);
  return answer!;
};

describe("tool calls", () => {
  test("a text goes to the model as it is, anything else as JSON, and the caller gets it as JSON has it", async () => {
    expect(await only(() => "plain")).toMatchObject({ text: "plain", outcome: { result: "plain" } });
    const date = new Date(0);
    const answer = await only(async () => ({ a: [1, null], at: date, gone: undefined }));
    expect(answer.text).toBe('{"a":[1,null],"at":"1970-01-01T00:00:00.000Z"}');
    expect(answer.outcome).toEqual({
      id: "c1",
      name: "t",
      arguments: {},
      result: { a: [1, null], at: "1970-01-01T00:00:00.000Z" },
    });
    expect((await only(() => null)).text).toBe("null");
    expect((await only(() => "")).outcome).toMatchObject({ result: "" });
  });

  test("a result that is not JSON goes back as an error that names it", async () => {
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    let deep: unknown = 1;
    for (let i = 0; i < 100_000; i++) deep = [deep];
    const cases: readonly (readonly [unknown, RegExp])[] = [
      [cycle, /^the tool returned a cycle, which is not JSON$/],
      [deep, /nested too deeply/],
      [Buffer.from("bytes"), /a Buffer/],
      [{ file: Buffer.from("bytes") }, /a Buffer \(at "file"\)/],
      [{ n: 1n }, /bigint/i],
      [() => 1, /a function/],
      [{ deep: { fn() {} } }, /a function \(at "fn"\)/],
      [undefined, /nothing \(undefined\)/],
      [Symbol("x"), /a symbol/],
      [{ n: Number.NaN }, /NaN/],
      [Number.POSITIVE_INFINITY, /Infinity/],
      [new Map([[1, 2]]), /a Map/],
      [{ bytes: new Uint8Array(3) }, /a Uint8Array/],
      [new Error("returned, not thrown"), /returned, not thrown/],
    ];
    for (const [result, says] of cases) {
      const { text, outcome } = await only(() => result);
      expect(text).toMatch(/^Error: /);
      expect(outcome.error).toMatch(says);
      expect(outcome).not.toHaveProperty("result");
    }
  });

  test("a throw of any kind goes back as an error, at most about 2,000 characters of it", async () => {
    const hostile = {
      get message(): string {
        throw new Error("no");
      },
      toString() {
        throw new Error("no");
      },
    };
    expect((await only(() => Promise.reject(new Error("the disk is full")))).text).toBe(
      "Error: the disk is full",
    );
    const thrown = async (what: unknown) =>
      (
        await only(() => {
          throw what;
        })
      ).outcome.error;
    expect(await thrown("just words")).toBe("just words");
    expect(await thrown(undefined)).toMatch(/did not say why/);
    expect(await thrown({ code: 7, message: "an object of some SDK" })).toBe("an object of some SDK");
    expect(await thrown(hostile)).toMatch(/did not say why/);
    expect(await thrown(new RangeError(""))).toBe("RangeError");
    expect(await thrown(Object.create(null))).toMatch(/did not say why/);
    const long = await thrown(new Error(`${"x".repeat(1_999)}😀 and more`));
    expect(long!.length).toBeLessThan(2_010);
    expect(long!.isWellFormed()).toBe(true);
    expect(await thrown(new Error("\uD800"))).toBe("\uFFFD");
  });

  test("arguments are checked before the tool sees them", async () => {
    let ran = 0;
    const execute = (input: unknown) => {
      ran++;
      return input;
    };
    const inputSchema = { type: "object", properties: { n: { type: "integer" } }, required: ["n"] };
    expect((await only(execute, { n: "1" }, { inputSchema })).text).toBe(
      "Error: wrong arguments for t: n: expected a whole number, got a string",
    );
    expect((await only(execute, "{ cut", { inputSchema })).text).toMatch(/not a JSON object/);
    expect((await only(execute, "[1]", { inputSchema })).text).toMatch(/not a JSON object/);
    expect((await only(execute, "", { inputSchema })).text).toMatch(/missing: n/);
    expect(ran).toBe(0);
    expect((await only(execute, { n: 1 }, { inputSchema })).outcome.result).toEqual({ n: 1 });
    expect((await only(execute, "", {})).outcome.result).toEqual({});

    const schema = z.object({
      at: z.string().transform((text) => text.length),
      extra: z.string().optional(),
    });
    expect((await only(execute, { at: "four" }, { inputSchema: schema })).outcome.result).toEqual({ at: 4 });
    expect((await only(execute, { at: 4, extra: 1 }, { inputSchema: schema })).text).toMatch(
      /^Error: wrong arguments for t: at: .*; extra: /,
    );
    // A null for what may be left out is left out, where the schema has no null.
    expect(
      (await only(execute, { at: "four", extra: null }, { inputSchema: schema })).outcome.result,
    ).toEqual({ at: 4 });
    const deep = z.object({ of: z.array(z.object({ x: z.number().optional(), y: z.null() })) });
    expect(
      (await only(execute, { of: [{ x: null, y: null }] }, { inputSchema: deep })).outcome.result,
    ).toEqual({ of: [{ y: null }] });
    const needed = { type: "object", properties: { a: { type: "string" } }, required: ["a"] };
    expect((await only(execute, { a: null }, { inputSchema: needed })).text).toMatch(
      /a: expected a string, got null/,
    );
    const nullable = {
      type: "object",
      properties: { a: { type: ["string", "null"] }, b: { $ref: "#/$defs/s" } },
      $defs: { s: { type: "string" } },
    };
    expect((await only(execute, { a: null, b: null }, { inputSchema: nullable })).outcome.result).toEqual({
      a: null,
    });
  });

  test("a tool that hangs is given up after its timeout; its signal aborts and what it says later is dropped", async () => {
    const clock = new FakeClock();
    let late: (value: string) => void = () => {};
    let seen: AbortSignal | undefined;
    const box = new Toolbox("test", {
      slow: doing(
        (_: never, { signal, abortSignal }: ToolContext) => {
          seen = signal;
          expect(abortSignal).toBe(signal);
          return new Promise<string>((resolve) => {
            late = resolve;
          });
        },
        { timeout: 500 },
      ),
    });
    const answers = runTools(box, [callOf("slow", {})], { clock });
    await settle();
    expect(seen?.aborted).toBe(false);
    await clock.advance(500);
    expect((await answers)[0]!.text).toBe("Error: slow gave no answer within 500 ms");
    expect(seen?.aborted).toBe(true);
    late("too late");
    await settle();
    expect(clock.pending).toBe(0);
  });

  test("the default timeout is a minute, and a call that ends leaves no timer behind", async () => {
    const clock = new FakeClock();
    const box = new Toolbox("test", { never: doing(() => new Promise(() => {})), quick: doing(() => "x") });
    const answers = runTools(box, [callOf("never", {}), callOf("quick", {}, "c2")], { clock });
    await settle();
    expect(clock.pending).toBe(1);
    await clock.advance(59_999);
    expect(clock.pending).toBe(1);
    await clock.advance(1);
    expect((await answers).map(({ outcome }) => outcome.error ?? outcome.result)).toEqual([
      "never gave no answer within 60000 ms",
      "x",
    ]);
  });

  test("calls run side by side, and the answers come in the order of the calls", async () => {
    const order: string[] = [];
    const gates = new Map<string, () => void>();
    const wait = (input: { id: string }) => {
      order.push(`${input.id} began`);
      return new Promise<string>((resolve) => gates.set(input.id, () => resolve(input.id)));
    };
    const events: string[] = [];
    const answers = run(
      { wait: doing(wait as AnyTool["execute"]) },
      ["a", "b", "c"].map((id) => callOf("wait", { id }, id)),
      ({ id, state }) => events.push(`${id} ${state}`),
    );
    await settle();
    expect(order).toEqual(["a began", "b began", "c began"]);
    for (const id of ["c", "a", "b"]) gates.get(id)!();
    expect((await answers).map(({ text }) => text)).toEqual(["a", "b", "c"]);
    expect(events).toEqual(["a called", "b called", "c called", "c returned", "a returned", "b returned"]);
  });

  test("an unknown name, hostile ones too, is an error with the names that there are", async () => {
    const tools = { look: doing(() => "x"), find: doing(() => "y") };
    for (const name of ["lok", "__proto__", "constructor", "toString", ""]) {
      const [answer] = await run(tools, [callOf(name, {})]);
      expect(answer!.text).toBe(`Error: there is no tool ${JSON.stringify(name)}; the tools are: look, find`);
    }
    const [none] = await run({}, [callOf("x".repeat(10_000), {})]);
    expect(none!.text.length).toBeLessThan(300);
    expect(none!.text).toMatch(/the tools are: none$/);
  });

  test("an abort of the run around it rejects at once and reaches every tool; no listener stays", async () => {
    const controller = new AbortController();
    const seen: AbortSignal[] = [];
    const hang = (_: never, { signal }: ToolContext) => {
      seen.push(signal);
      return new Promise(() => {});
    };
    const answers = context({ signal: controller.signal }, () =>
      run({ hang: doing(hang) }, [callOf("hang", {}), callOf("hang", {}, "c2")]),
    );
    await settle();
    expect(getEventListeners(controller.signal, "abort")).toHaveLength(1);
    controller.abort();
    await expect(answers).rejects.toMatchObject({ code: "aborted" });
    expect(seen.map(({ aborted }) => aborted)).toEqual([true, true]);
    expect(getEventListeners(controller.signal, "abort")).toHaveLength(0);
    const before = context({ signal: controller.signal }, () =>
      run({ hang: doing(hang) }, [callOf("hang", {})]),
    );
    await expect(before).rejects.toMatchObject({ code: "aborted" });
    expect(seen).toHaveLength(2);
  });

  test("a provider's failure inside a tool, and a `tool` error, end the turn and abort the other tools", async () => {
    for (const code of ["auth", "config", "tool"] as const) {
      let other: AbortSignal | undefined;
      const answers = run(
        {
          bad: doing(async () => {
            await settle();
            throw new TrunklineError(code, "no use");
          }),
          hang: doing((_: never, { signal }: ToolContext) => {
            other = signal;
            return new Promise(() => {});
          }),
        },
        [callOf("hang", {}), callOf("bad", {}, "c2")],
      );
      await expect(answers).rejects.toMatchObject({ code });
      expect(other?.aborted).toBe(true);
    }
    // What concerns this row alone is for the model to answer, a tool's own abort included.
    for (const code of ["parse", "aborted", "incomplete"] as const) {
      const { outcome } = await only(() => Promise.reject(new TrunklineError(code, "hm")));
      expect(outcome.error).toBe("hm");
    }
  });

  test("a tool that yields tells by its last word", async () => {
    async function* steps() {
      yield "half";
      yield { done: true };
    }
    expect((await only(steps)).outcome.result).toEqual({ done: true });
  });

  test("a tool that goes on yielding after its time is up is stopped at its next word", async () => {
    const clock = new FakeClock();
    let said = 0;
    let next: () => void = () => {};
    let ended = false;
    async function* chatter() {
      try {
        for (;;) {
          await new Promise<void>((resolve) => {
            next = resolve;
          });
          yield ++said;
        }
      } finally {
        ended = true;
      }
    }
    const answers = runTools(new Toolbox("test", { t: doing(chatter, { timeout: 10 }) }), [callOf("t", {})], {
      clock,
    });
    await settle();
    next();
    await settle();
    await clock.advance(10);
    expect((await answers)[0]!.outcome.error).toMatch(/within 10 ms/);
    next();
    await settle();
    expect([said, ended]).toEqual([2, true]);
  });

  test("tools that answered leave no listener on the run's signal; a deadline that has passed starts none", async () => {
    const { signal } = new AbortController();
    const calls = [callOf("t", {}), callOf("t", {}, "c2"), callOf("t", "[]", "c3")];
    await context({ signal }, () => run({ t: doing(() => "x") }, calls));
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
    let ran = 0;
    const late = runInScope({ deadlineAt: 0 }, () => run({ t: doing(() => ++ran) }, [callOf("t", {})]));
    await expect(late).rejects.toMatchObject({ code: "timeout", phase: "total" });
    expect(ran).toBe(0);
  });

  test("a method keeps its object, and a tool hears the id of its call", async () => {
    class Desk {
      readonly #greeting = "hello";
      readonly inputSchema = anything;
      execute(_: unknown, { toolCallId }: ToolContext) {
        return `${this.#greeting} ${toolCallId}`;
      }
    }
    expect((await run({ desk: new Desk() }, [callOf("desk", {})]))[0]!.text).toBe("hello c1");
  });
});
