import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import { sharedBudget, socketsOf, socketsWithinLimit } from "../../src/transport/budget.ts";
import { SocketBudget, type SocketUser } from "../../src/transport/socket-budget.ts";
import { h1Server, h2Server, open, send, turn, until } from "./support.ts";

/** A pool as the budget sees it. */
class User implements SocketUser {
  readonly #budget: SocketBudget;
  busy = 0;
  wanted = 0;
  told = 0;
  readonly idleAt: number[] = [];

  constructor(budget: SocketBudget) {
    this.#budget = budget;
    budget.join(this);
  }

  get sockets(): number {
    return this.busy + this.idle;
  }

  get idle(): number {
    return this.idleAt.length;
  }

  get idleSince(): number {
    return this.idleAt[0] ?? Number.POSITIVE_INFINITY;
  }

  want(sockets: number): number {
    this.wanted += sockets;
    return this.ask();
  }

  ask(): number {
    const granted = this.#budget.take(this, this.wanted);
    this.busy += granted;
    this.wanted -= granted;
    return granted;
  }

  rest(at: number): void {
    this.busy--;
    this.idleAt.push(at);
    this.#budget.tell();
  }

  close(): void {
    this.busy--;
    this.#budget.give();
  }

  closeIdlest(): void {
    this.idleAt.shift();
    this.#budget.give();
  }

  roomAgain(): void {
    this.told++;
    if (this.wanted > 0) this.ask();
  }
}

const small = (cap: number) => {
  const clock = new FakeClock();
  return { clock, budget: new SocketBudget(cap, clock) };
};

describe("the process-wide budget", () => {
  test("grants up to its cap, then tells those it refused when a socket closes", async () => {
    const { clock, budget } = small(5);
    const [a, b] = [new User(budget), new User(budget)];
    expect(a.want(4)).toBe(4);
    expect(b.want(3)).toBe(1);
    a.close();
    await clock.advance(0);
    expect(b.busy).toBe(2);
    expect(budget.taken).toBe(5);
  });

  test("closes the socket that is idle the longest, of any user", async () => {
    const { clock, budget } = small(4);
    const [a, b, c] = [new User(budget), new User(budget), new User(budget)];
    a.want(2);
    b.want(2);
    a.rest(20);
    b.rest(10);
    b.rest(30);
    expect(c.want(2)).toBe(1);
    expect([a.idleAt, b.idleAt]).toEqual([[20], [30]]);
    expect(budget.taken).toBe(4);
    await clock.advance(0);
    expect([a.idleAt, b.idleAt]).toEqual([[], [30]]);
    expect(c.busy).toBe(2);
    expect(budget.taken).toBe(4);
  });

  test("who holds none may always have one, also beyond the cap", () => {
    const { budget } = small(1);
    const users = Array.from({ length: 50 }, () => new User(budget));
    for (const user of users) expect(user.want(10)).toBe(1);
  });

  test("reach counts own, free and others' idle sockets", () => {
    const { budget } = small(10);
    const [a, b] = [new User(budget), new User(budget)];
    expect(budget.reach(a, 1_000)).toBe(10);
    b.want(9);
    expect(budget.reach(a, 1_000)).toBe(1);
    b.rest(1);
    b.rest(2);
    expect(budget.reach(a, 1_000)).toBe(3);
    expect(budget.reach(b, 1_000)).toBe(10);
  });

  test("shrinks to what is open and recovers step by step", async () => {
    const { clock, budget } = small(100);
    const user = new User(budget);
    user.want(20);
    budget.shrink();
    expect(budget.cap).toBe(20);
    expect(user.want(1)).toBe(0);
    await clock.advance(1_000);
    expect(budget.cap).toBe(22);
    expect(user.busy).toBe(21);
    await clock.advance(60_000);
    expect(budget.cap).toBe(100);
    expect(clock.nextAt).toBe(Number.POSITIVE_INFINITY);
    for (let i = 0; i < 21; i++) user.close();
    budget.shrink();
    expect(budget.cap).toBe(1);
  });

  test("whatever users do, counts add up, the cap is kept but for each one's first, and nobody starves", async () => {
    const action = fc.record({
      who: fc.nat(4),
      what: fc.constantFrom("want", "rest", "close", "shrink", "wait"),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 8 }),
        fc.array(action, { maxLength: 60 }),
        async (cap, actions) => {
          const { clock, budget } = small(cap);
          const users = Array.from({ length: 5 }, () => new User(budget));
          let now = 0;
          for (const { who, what } of actions) {
            const user = users[who]!;
            now++;
            if (what === "want") user.want(1 + (now % 3));
            else if (what === "shrink") budget.shrink();
            else if (what === "wait") await clock.advance(500);
            else if (user.busy > 0) {
              if (what === "rest") user.rest(now);
              else user.close();
            }
            const held = users.reduce((sum, each) => sum + each.sockets, 0);
            expect(budget.taken).toBe(held);
            expect(held).toBeLessThanOrEqual(cap + users.length);
          }
          // All work ends: everybody who still wants gets everything in the end.
          for (let i = 0; i < 2_000 && users.some((each) => each.wanted > 0); i++) {
            const busy = users.find((each) => each.busy > 0);
            busy?.close();
            await clock.advance(1_000);
          }
          expect(users.map((each) => each.wanted)).toEqual([0, 0, 0, 0, 0]);
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe("its size", () => {
  test("R66: half of what the hard limit leaves", () => {
    expect(socketsOf(1_024, 24)).toBe(500);
    expect(socketsOf(256, 26)).toBe(115);
    expect(socketsOf(10, 30)).toBe(1);
    expect(socketsOf(2 ** 40, 0)).toBe(65_536);
    expect(socketsWithinLimit()).toBeGreaterThan(0);
  });

  test("Z16: copies of the package share one", async () => {
    const copy = (await import(
      "../../src/transport/budget.ts?copy" as string
    )) as typeof import("../../src/transport/budget.ts");
    expect(copy.sharedBudget).not.toBe(sharedBudget);
    expect(copy.sharedBudget()).toBe(sharedBudget());
  });
});

describe("pools at the cap", () => {
  test("starve nobody over 50 origins", async () => {
    let most = 0;
    const servers = await Promise.all(
      Array.from({ length: 50 }, () =>
        h1Server((_request, response) => void setImmediate(() => response.end("ok"))),
      ),
    );
    const { transport, clock } = open({ origin: servers[0]!.origin }, { maxSockets: 20 });
    const pools = servers.map(({ origin }) =>
      transport.open({ origin, protocol: "auto" }, { connectTimeout: 1_000 }),
    );
    for (const pool of pools) expect(pool.slots.limit).toBeGreaterThanOrEqual(1);
    const calls = pools.flatMap((pool) => Array.from({ length: 20 }, () => send(pool)));
    let left = calls.length;
    for (const call of calls) void call.then(() => left--);
    while (left > 0) {
      most = Math.max(most, transport.stats().sockets);
      await turn();
    }
    // One each may stand above the cap.
    expect(most).toBeLessThanOrEqual(70);
    // The one that was late finds a place too.
    expect((await send(pools[49]!)).text).toBe("ok");
    for (const pool of pools) pool.release();
    await clock.advance(0);
  });

  test("a pool that wants sockets gets those that lie idle elsewhere, the longest idle first", async () => {
    const answer = await h1Server((_request, response) => void response.end("ok"));
    const { pool: first, transport } = open({ origin: answer.origin }, { maxSockets: 10 });
    await Promise.all(Array.from({ length: 10 }, () => send(first)));
    await turn();
    expect(first.stats().sockets).toBe(10);
    const held: (() => void)[] = [];
    const holding = await h1Server((_request, response) => void held.push(() => response.end("ok")));
    const second = transport.open({ origin: holding.origin, protocol: "auto" }, { connectTimeout: 1_000 });
    expect(second.slots.limit).toBe(10);
    const calls = Array.from({ length: 8 }, () => send(second));
    await until(() => held.length === 8);
    await until(() => transport.stats().sockets === 10);
    expect(first.stats().sockets).toBe(2);
    for (const end of held) end();
    await Promise.all(calls);
    second.release();
  });

  test("slots say what the budget lets through, and tell when that changes", async () => {
    const held: (() => void)[] = [];
    const holding = await h1Server((_request, response) => void held.push(() => response.end("ok")));
    const { pool, transport } = open({ origin: holding.origin }, { maxSockets: 6 });
    const calls = Array.from({ length: 6 }, () => send(pool));
    await until(() => held.length === 6);
    const quick = await h2Server((stream) => stream.respond({ ":status": 204 }, { endStream: true }));
    const settings = { origin: quick.origin, protocol: "h2", tls: { rejectUnauthorized: false } } as const;
    const other = transport.open(settings, { connectTimeout: 1_000 });
    expect(other.slots.limit).toBe(100);
    let told = 0;
    other.slots.onRoom(() => told++);
    for (const end of held) end();
    await Promise.all(calls);
    await until(() => other.slots.limit === 600);
    expect(told).toBe(1);
    other.release();
  });
});
