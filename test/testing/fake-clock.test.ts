import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FakeClock, seededRandom } from "../../src/testing/fake-clock.ts";

describe("time", () => {
  test("stands still until it is told to move", async () => {
    const clock = new FakeClock({ wall: 1_000 });
    expect([clock.now(), clock.wall()]).toEqual([0, 1_000]);
    await clock.advance(250);
    expect([clock.now(), clock.wall()]).toEqual([250, 1_250]);
  });

  test("advance fires what is due, in order, and lets promises settle between", async () => {
    const clock = new FakeClock();
    const seen: string[] = [];
    const sleep = (ms: number) => new Promise<void>((resolve) => clock.after(ms, resolve));
    const walk = async () => {
      await sleep(10);
      seen.push(`10 at ${clock.now()}`);
      await sleep(10);
      seen.push(`20 at ${clock.now()}`);
    };
    clock.after(15, () => seen.push(`15 at ${clock.now()}`));
    clock.after(31, () => seen.push("too late"));
    const walked = walk();
    await clock.advance(30);
    await walked;
    expect(seen).toEqual(["10 at 10", "15 at 15", "20 at 20"]);
    expect([clock.pending, clock.nextAt]).toEqual([1, 31]);
  });

  test("a timer in the past fires now; one at Infinity never does; NaN is refused", async () => {
    const clock = new FakeClock();
    let fired = 0;
    clock.after(-5, () => fired++);
    clock.after(Number.POSITIVE_INFINITY, () => fired++);
    expect(() => clock.after(Number.NaN, () => {})).toThrow(TypeError);
    await clock.advance(Number.MAX_SAFE_INTEGER);
    expect(fired).toBe(1);
    expect(clock.nextAt).toBe(Number.POSITIVE_INFINITY);
  });

  test("only pending timers count as waited for", () => {
    const clock = new FakeClock();
    const pending = clock.after(1, () => {});
    clock.after(1, () => {}, "idle");
    clock.turn(() => {});
    expect(clock.pending).toBe(1);
    pending.cancel();
    pending.cancel();
    expect(clock.pending).toBe(0);
    while (clock.step());
    expect([clock.pending, clock.nextAt]).toEqual([0, Number.POSITIVE_INFINITY]);
  });

  test("a timer cancelled by an earlier one of the same instant does not fire", () => {
    const clock = new FakeClock();
    let fired = false;
    clock.after(5, () => later.cancel());
    const later = clock.after(5, () => {
      fired = true;
    });
    while (clock.step());
    expect(fired).toBe(false);
  });

  test("code that goes round without time moving is an error, not a hang", () => {
    const clock = new FakeClock();
    const again = () => clock.turn(again);
    again();
    expect(() => {
      while (clock.step());
    }).toThrow("time did not move");
  });
});

test("any timers, some cancelled, fire by time and then by age, exactly as a sorted list would", () => {
  const command = fc.oneof(
    fc.record({ add: fc.integer({ min: 0, max: 50 }) }),
    fc.record({ cancel: fc.nat({ max: 200 }) }),
    fc.constant("step" as const),
  );
  fc.assert(
    fc.property(fc.array(command, { maxLength: 200 }), (commands) => {
      const clock = new FakeClock();
      const timers: { cancel(): void }[] = [];
      let model: { at: number; id: number }[] = [];
      const fired: number[] = [];
      for (const what of [...commands, ...new Array<"step">(commands.length).fill("step")]) {
        if (what === "step") {
          model.sort((a, b) => a.at - b.at || a.id - b.id);
          const next = model.shift();
          const before = fired.length;
          expect(clock.step()).toBe(next !== undefined);
          expect(fired.slice(before)).toEqual(next ? [next.id] : []);
          if (next) expect(clock.now()).toBe(next.at);
        } else if ("add" in what) {
          const id = timers.length;
          model.push({ at: clock.now() + what.add, id });
          timers.push(clock.after(what.add, () => fired.push(id)));
        } else if (timers.length > 0) {
          const id = what.cancel % timers.length;
          timers[id]!.cancel();
          model = model.filter((entry) => entry.id !== id);
        }
        expect(clock.pending).toBe(model.length);
      }
    }),
  );
});

test("chance is seeded: one seed gives one row of numbers, and they fill [0, 1) evenly", () => {
  expect(new FakeClock({ seed: 7 }).random()).toBe(new FakeClock({ seed: 7 }).random());
  expect(new FakeClock({ seed: 7 }).random()).not.toBe(new FakeClock({ seed: 8 }).random());
  const random = seededRandom(3);
  const buckets = new Array<number>(10).fill(0);
  for (let i = 0; i < 10_000; i++) buckets[Math.floor(random() * 10)]!++;
  for (const count of buckets) expect(count).toBeGreaterThan(850);
});
