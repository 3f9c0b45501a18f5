import fc from "fast-check";
import { expect, test } from "vitest";
import { Slots } from "../../src/core/slots.ts";

test("places are taken up to the limit and given back", () => {
  const slots = new Slots(2);
  slots.take();
  expect(slots.free).toBe(true);
  slots.take();
  expect(slots).toMatchObject({ free: false, used: 2, limit: 2 });
  slots.give();
  expect(slots).toMatchObject({ free: true, used: 1 });
});

test("a place that nobody took cannot be given back", () => {
  expect(() => new Slots(1).give()).toThrow(/nobody took/);
});

test("below the number in use a smaller limit only stops new work", () => {
  const slots = new Slots(3);
  for (let i = 0; i < 3; i++) slots.take();
  slots.limit = 1;
  slots.give();
  slots.give();
  expect(slots.free).toBe(false);
  slots.give();
  expect(slots.free).toBe(true);
});

test("whoever waits hears of room exactly when there may be some", () => {
  const slots = new Slots(1);
  let heard = 0;
  const stop = slots.onRoom(() => heard++);
  slots.take();
  slots.give();
  expect(heard).toBe(1);
  slots.limit = 5;
  expect(heard).toBe(2);
  slots.limit = 5;
  slots.limit = 1;
  expect(heard).toBe(2);
  slots.take();
  slots.take();
  slots.give();
  expect(heard).toBe(2);
  slots.give();
  expect(heard).toBe(3);
  stop();
  slots.take();
  slots.give();
  expect(heard).toBe(3);
});

test("a waiter that takes its place when it hears of room never goes above the limit", () => {
  const step = fc.oneof(fc.constant("arrive"), fc.constant("end"), fc.nat({ max: 5 }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const slots = new Slots(2);
      let waiting = 0;
      let running = 0;
      const start = () => {
        while (waiting > 0 && slots.free) {
          slots.take();
          expect(slots.used).toBeLessThanOrEqual(slots.limit);
          waiting--;
          running++;
        }
      };
      slots.onRoom(start);
      for (const each of steps) {
        if (typeof each === "number") slots.limit = each;
        else if (each === "arrive") {
          waiting++;
          start();
        } else if (running > 0) {
          running--;
          slots.give();
        }
        expect(slots.used).toBe(running);
        // Nobody waits while there is room.
        expect(waiting > 0 && slots.free).toBe(false);
      }
    }),
  );
});
