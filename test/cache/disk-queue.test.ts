import { expect, test } from "vitest";
import { WriteQueue } from "../../src/cache/disk-queue.ts";
import { entryOf, keyOf, make, textAt } from "./disk-rig.ts";
import { folder } from "./folders.ts";

test("what is being written is found until the next is taken, or all is done", () => {
  const queue = new WriteQueue();
  for (const key of ["a", "b", "c"]) queue.add(key, entryOf(key));
  expect(queue.take(2, 1_000).map(([key]) => key)).toEqual(["a", "b"]);
  expect(queue.size).toBe(1);
  expect(queue.get("a")?.answer.text).toBe("a");
  queue.add("a", entryOf("newer"));
  expect(queue.get("a")?.answer.text).toBe("newer");
  queue.take(1, 1_000);
  expect(queue.get("b")).toBeUndefined();
  queue.clear("");
  for (const key of ["a", "b", "c"]) expect(queue.get(key)).toBeUndefined();
});

test("what is cleared is not found while it is written", () => {
  const queue = new WriteQueue();
  for (const key of ["v1:a", "v1:b"]) queue.add(key, entryOf(key));
  queue.take(2, 1_000);
  queue.clear("v1:a");
  expect(queue.get("v1:a")).toBeUndefined();
  expect(queue.get("v1:b")).toBeDefined();
});

test("an answer is found at every moment from its setting on: nobody pays for it twice", async () => {
  const store = make({ directory: folder() });
  await textAt(store, 0);
  for (let n = 1; n <= 20; n++) {
    store.set(keyOf(n), entryOf(`answer ${n}`));
    let written = false;
    const flushed = store.flush().then(() => {
      written = true;
    });
    while (!written) {
      expect(await textAt(store, n)).toBe(`answer ${n}`);
      await new Promise(setImmediate);
    }
    await flushed;
    expect(await textAt(store, n)).toBe(`answer ${n}`);
  }
});
