import { getEventListeners } from "node:events";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { clients } from "../../src/clients/process-clients.ts";
import { systemClock } from "../../src/core/clock.ts";
import { isTrunklineError, TrunklineError } from "../../src/core/errors.ts";
import { silent } from "../../src/core/log.ts";
import { collectRows, eachRow, type Progress } from "../../src/lm/rows.ts";
import { currentScope, runInScope } from "../../src/lm/scope.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";

const providerDown = () => new TrunklineError("server_error", "the provider failed");

/** Lets every promise that can settle do so. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

async function* counted(n: number, onPull?: (i: number) => void): AsyncGenerator<number> {
  for (let i = 0; i < n; i++) {
    onPull?.(i);
    yield i;
  }
}

describe("rows", () => {
  test("R11: outcomes come in the order of the rows, whatever order they finish in", async () => {
    const order = [3, 0, 2, 1];
    const gates = order.map(() => Promise.withResolvers<void>());
    const run = collectRows(systemClock, order.keys(), async (i) => {
      await gates[i]!.promise;
      return i * 10;
    });
    for (const i of order) {
      gates[i]!.resolve();
      await settle();
    }
    expect(await run).toEqual([0, 10, 20, 30].map((value, index) => ({ index, value })));
  });

  test("who leaves the loop goes on when the source has tidied up", async () => {
    let tidied = false;
    async function* source() {
      try {
        yield* [1, 2, 3];
      } finally {
        await settle();
        tidied = true;
      }
    }
    for await (const _ of eachRow(systemClock, source(), async (n) => n, { concurrency: 1, window: 1 }))
      break;
    expect(tidied).toBe(true);
  });

  test("a source that fails ends the run with the rows that were finished, and says why", async () => {
    function* source() {
      yield 1;
      throw { message: "line 2 is no JSON" };
    }
    await expect(collectRows(systemClock, source(), async (n) => n)).rejects.toMatchObject({
      code: "bad_request",
      message: "the run was stopped by a failure outside its rows: line 2 is no JSON",
    });
  });

  test("a failure that cannot even be looked at leaves no run hanging", async () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    const run = collectRows(systemClock, [1, 2], (n) =>
      n === 1 ? Promise.reject(proxy) : Promise.resolve(n),
    );
    const outcome = await run.then(
      (rows) => rows.length,
      (error) => error.code,
    );
    expect([2, "bad_request"]).toContain(outcome);
  });

  test("a row whose own side fails carries its error, the others go on", async () => {
    const rows = await collectRows(systemClock, [1, 2, 3], async (n) => {
      if (n === 2) throw new TypeError("the program's own fault");
      return n;
    });
    expect(rows.map((row) => (row.error === undefined ? row.value : (row.error as Error).message))).toEqual([
      1,
      "the program's own fault",
      3,
    ]);
  });

  test.each(["config", "auth", "permission", "not_found", "quota", "closed"] as const)(
    "a %s failure stops the run at once, with the finished rows in the error",
    async (code) => {
      let started = 0;
      const run = collectRows(
        systemClock,
        counted(1_000),
        async (n) => {
          started++;
          if (n === 5) throw new TrunklineError(code, "no way on");
          return n;
        },
        { concurrency: 1 },
      );
      const error = await run.then(
        () => undefined,
        (e) => e,
      );
      expect(isTrunklineError(error) && error.code).toBe(code);
      expect(error.rows.map((row: { value: number }) => row.value)).toEqual([0, 1, 2, 3, 4]);
      expect(error.done).toBe(5);
      expect(started).toBe(6);
    },
  );

  test("another failure of the provider's puts the row aside; it is tried once more at the end", async () => {
    const tries: number[] = [];
    const rows = await collectRows(
      systemClock,
      [0, 1, 2, 3],
      async (n) => {
        tries.push(n);
        if (n === 1 && tries.filter((t) => t === 1).length === 1) throw providerDown();
        return n;
      },
      { concurrency: 1 },
    );
    expect(tries).toEqual([0, 1, 2, 3, 1]);
    expect(rows.map((row) => row.value)).toEqual([0, 1, 2, 3]);
  });

  test("a row that fails on the provider's side twice, while others succeed, carries its error", async () => {
    const rows = await collectRows(systemClock, [0, 1, 2], async (n) => {
      if (n === 1) throw providerDown();
      return n;
    });
    expect(rows.map((row) => row.error !== undefined)).toEqual([false, true, false]);
  });

  test("no success for `outageAfter` stops the run, resumable by what is finished", async () => {
    const clock = new FakeClock();
    const run = collectRows(
      clock,
      counted(100),
      async (n) => {
        if (n < 3) return n;
        await clock.advance(20_000);
        throw providerDown();
      },
      { concurrency: 1, outageAfter: 60_000 },
    );
    const error = await run.then(
      () => undefined,
      (e) => e,
    );
    expect(error.code).toBe("server_error");
    expect(error.done).toBe(3);
    expect(clock.now()).toBe(60_000);
  });

  test("a row put aside does not block a full window", async () => {
    let first = true;
    const rows = await collectRows(
      systemClock,
      counted(50),
      async (n) => {
        if (n === 0 && first) {
          first = false;
          throw providerDown();
        }
        return n;
      },
      { concurrency: 2, window: 4 },
    );
    expect(rows.map((row) => row.value)).toEqual([...Array(50).keys()]);
  });

  test("a slow consumer slows the source: never more than `window` rows are held", async () => {
    let pulled = 0;
    let taken = 0;
    let most = 0;
    const source = counted(200, () => {
      pulled++;
      most = Math.max(most, pulled - taken);
    });
    for await (const _ of eachRow(systemClock, source, async (n) => n, { concurrency: 4, window: 10 })) {
      taken++;
      await settle();
    }
    expect(taken).toBe(200);
    expect(most).toBeLessThanOrEqual(11);
  });

  test("never more than `concurrency` rows are in work", async () => {
    let running = 0;
    let most = 0;
    await collectRows(
      systemClock,
      Array(100).fill(0),
      async () => {
        most = Math.max(most, ++running);
        await settle();
        running--;
      },
      { concurrency: 7 },
    );
    expect(most).toBe(7);
  });

  test("an aborted run rejects at once, aborts its rows through the scope, and leaves no listener", async () => {
    const controller = new AbortController();
    let heard = 0;
    const run = collectRows(
      systemClock,
      [1, 2, 3],
      () =>
        new Promise((_, reject) => {
          currentScope()!.signals![0]!.addEventListener("abort", () => {
            heard++;
            reject(new Error("left"));
          });
        }),
      { signal: controller.signal },
    );
    await settle();
    controller.abort(new Error("enough"));
    await expect(run).rejects.toMatchObject({ code: "aborted" });
    expect(heard).toBe(3);
  });

  test("a run inside a row ends when the row does, and leaves no listener", async () => {
    const controller = new AbortController();
    const { signal } = controller;
    let pulled = 0;
    const inner = runInScope({ signals: [signal] }, () =>
      collectRows(
        systemClock,
        counted(1_000, () => pulled++),
        () => settle(),
        { concurrency: 1 },
      ),
    );
    const failed = expect(inner).rejects.toMatchObject({ code: "aborted" });
    await settle();
    controller.abort();
    await failed;
    expect(pulled).toBeLessThan(10);
    expect(getEventListeners(signal, "abort")).toEqual([]);
    const late = runInScope({ signals: [signal] }, () =>
      collectRows(systemClock, [1], () => expect.fail("it was started")),
    );
    await expect(late).rejects.toMatchObject({ code: "aborted", done: 0 });
  });

  test("a run that ended leaves no listener on its own signal, nor on one around it", async () => {
    const [own, around] = [new AbortController().signal, new AbortController().signal];
    const run = () => collectRows(systemClock, [1, 2], async (n) => n, { signal: own });
    await runInScope({ signals: [around] }, run);
    for (const signal of [own, around]) expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  test("leaving the loop early aborts what is in work and closes the source", async () => {
    let closed = false;
    const aborted: number[] = [];
    async function* source() {
      try {
        for (let i = 0; ; i++) yield i;
      } finally {
        closed = true;
      }
    }
    const work = (n: number): Promise<number> => {
      if (n === 0) return Promise.resolve(n);
      return new Promise(() => currentScope()!.signals![0]!.addEventListener("abort", () => aborted.push(n)));
    };
    for await (const row of eachRow(systemClock, source(), work, { concurrency: 3 })) {
      expect(row.index).toBe(0);
      break;
    }
    expect(closed).toBe(true);
    expect(aborted.length).toBeGreaterThan(0);
  });

  test("a source that throws ends the run with its own error", async () => {
    async function* broken() {
      yield 1;
      throw new RangeError("the file ends here");
    }
    await expect(collectRows(systemClock, broken(), async (n) => n)).rejects.toThrow("the file ends here");
  });

  test("`maxErrors` stops the run", async () => {
    const run = collectRows(
      systemClock,
      counted(100),
      async () => {
        throw new Error("own fault");
      },
      { concurrency: 1, maxErrors: 3 },
    );
    await expect(run).rejects.toMatchObject({ done: 4, message: expect.stringContaining("maxErrors (3)") });
  });

  test("progress counts every row, and knows the total of an array", async () => {
    const seen: string[] = [];
    await collectRows(systemClock, [1, 2], async (n) => n, {
      concurrency: 1,
      onProgress: ({ done, failed, total }) => seen.push(`${done}/${total} ${failed}`),
    });
    expect(seen).toEqual(["1/2 0", "2/2 0"]);
  });

  test("the total is known when a stream has ended, and the last report says that it is the last", async () => {
    const seen: unknown[] = [];
    const onProgress = (progress: Progress) => seen.push(progress);
    await collectRows(systemClock, counted(2), async (n) => n, { concurrency: 1, onProgress });
    expect(seen).toEqual([
      { done: 1, failed: 0, running: 0 },
      { done: 2, failed: 0, running: 0 },
      { done: 2, failed: 0, running: 0, total: 2, ended: true },
    ]);
  });

  test("a run that is stopped reports its end as well", async () => {
    const seen: Progress[] = [];
    const run = collectRows(
      systemClock,
      [1, 2, 3],
      async (n) => {
        if (n === 2) throw new TrunklineError("auth", "no");
        return n;
      },
      { concurrency: 1, onProgress: (progress) => seen.push(progress) },
    );
    await expect(run).rejects.toMatchObject({ code: "auth" });
    expect(seen.at(-1)).toEqual({ done: 1, failed: 0, running: 0, total: 3, ended: true });
    expect(seen.filter(({ ended }) => ended)).toHaveLength(1);
  });

  test("P28: a listener that throws or rejects ends no run, and is said once in the log", async () => {
    const said: string[] = [];
    const logger = { debug() {}, info() {}, warn: (message: string) => said.push(message) };
    clients.configure({ logger });
    try {
      let calls = 0;
      const onProgress = (): unknown => {
        if (++calls % 2 === 0) throw new Error("the terminal is gone");
        return Promise.reject(new Error("the terminal is gone"));
      };
      const rows = await collectRows(systemClock, [1, 2, 3], async (n) => n, {
        onProgress: onProgress as () => void,
      });
      expect(rows.map(({ value }) => value)).toEqual([1, 2, 3]);
      expect(calls).toBe(3);
      await settle();
      expect(said).toEqual(["trunkline: an onProgress listener failed: the terminal is gone"]);
    } finally {
      clients.configure({ logger: silent });
    }
  });

  test("a run may say its priority", async () => {
    const work = async () => currentScope()!.priority;
    const rows = await collectRows(systemClock, [1], work, {}, { priority: "evaluation" });
    expect(rows[0]!.value).toBe("evaluation");
  });

  test("all rows of a run share one fairness key and wait as a batch; a run inside keeps the outermost key", async () => {
    const keys = new Set<unknown>();
    await collectRows(systemClock, [1, 2], async () => {
      keys.add(currentScope()!.fairnessKey);
      expect(currentScope()!.priority).toBe("batch");
      await collectRows(systemClock, [1, 2], async () => keys.add(currentScope()!.fairnessKey));
    });
    expect(keys.size).toBe(1);
  });

  test("any mix of outcomes: every row once, in order, with what its work did", async () => {
    const outcome = fc.constantFrom("value", "own", "provider-once");
    const shape = fc.record({
      outcomes: fc.array(outcome, { maxLength: 40 }),
      concurrency: fc.integer({ min: 1, max: 8 }),
      window: fc.integer({ min: 1, max: 12 }),
      async: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(shape, async ({ outcomes, concurrency, window, async: isAsync }) => {
        const tries = outcomes.map(() => 0);
        async function* stream() {
          yield* outcomes.keys();
        }
        const source = isAsync ? stream() : [...outcomes.keys()];
        const rows = await collectRows(
          systemClock,
          source,
          async (i) => {
            tries[i]!++;
            if (outcomes[i] === "own") throw new Error("own");
            if (outcomes[i] === "provider-once" && tries[i] === 1) throw providerDown();
            return i;
          },
          { concurrency, window },
        );
        expect(rows.map((row) => row.index)).toEqual([...outcomes.keys()]);
        for (const row of rows) expect(row.error === undefined).toBe(outcomes[row.index] !== "own");
      }),
      { numRuns: 200 },
    );
  });
});
