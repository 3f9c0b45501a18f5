import {
  chmodSync, existsSync, mkdirSync, readFileSync, renameSync, statSync, symlinkSync, truncateSync, writeFileSync,
} from "node:fs"; // biome-ignore format: a list to read across
import { join } from "node:path";
import { open } from "lmdb";
import { describe, expect, test } from "vitest";
import { Cache } from "../../src/cache/cache.ts";
import { networkType } from "../../src/cache/disk-folder.ts";
import { DiskGate } from "../../src/cache/disk-gate.ts";
import { WriteQueue } from "../../src/cache/disk-queue.ts";
import { decodeRecord, encodeRecord } from "../../src/cache/disk-record.ts";
import { DiskTable } from "../../src/cache/disk-table.ts";
import type { Clock } from "../../src/core/clock.ts";
import { systemClock } from "../../src/core/clock.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import { dataOf, entryOf, filled, keyOf, make, textAt } from "./disk-rig.ts";
import { folder } from "./folders.ts";
import { ask, Rig, settled } from "./rig.ts";

describe("one file", () => {
  test("two stores in one process may share a folder, and one outlives the other", async () => {
    const directory = folder();
    const [a, b] = [make({ directory }), make({ directory })];
    a.set(keyOf(1), entryOf("from a"));
    await a.flush();
    expect(await textAt(b, 1)).toBe("from a");
    await a.close();
    b.set(keyOf(2), entryOf("from b"));
    await b.flush();
    expect(await textAt(b, 1)).toBe("from a");
    expect(await textAt(a, 2)).toBe("from b");
  });

  test("C27: the file and its folder are for their owner alone, whatever they were before", async () => {
    const directory = folder();
    mkdirSync(join(directory, "answers-v1"), { mode: 0o777 });
    chmodSync(join(directory, "answers-v1"), 0o777);
    const store = make({ directory });
    store.set(keyOf(1), entryOf("x"));
    await store.flush();
    expect(statSync(join(directory, "answers-v1")).mode & 0o777).toBe(0o700);
    for (const name of ["data.mdb", "lock.mdb"]) {
      expect(statSync(join(directory, "answers-v1", name)).mode & 0o077).toBe(0);
    }
  });

  test("C27: no key, header or prompt of a call is in the file", async () => {
    const directory = folder();
    const rig = new Rig({ options: { tiers: ["disk"], directory } });
    const line = rig.line({ headers: { authorization: "Bearer sk-very-secret", "x-tenant": "acme-tenant" } });
    const given = rig.ask(
      { request: ask("The prompt of a lifetime."), headers: { "x-extra": "extra-value" } },
      line,
    );
    await expect.poll(() => rig.works.length).toBe(1);
    rig.works[0]!.answer("An answer.");
    await given.promise;
    await rig.cache.close();
    const bytes = readFileSync(dataOf(directory)).toString("latin1");
    expect(bytes).toContain("An answer.");
    expect(bytes).not.toMatch(/sk-very-secret|acme-tenant|extra-value|lifetime/);
  });
});

describe("a file that is not as it should be", () => {
  const spoil: Record<string, (path: string) => void> = {
    "is empty": (path) => writeFileSync(path, ""),
    "is no database": (path) => writeFileSync(path, "hello, world\n".repeat(1_000)),
    "is random": (path) =>
      writeFileSync(path, Buffer.from(Array.from({ length: 20_000 }, (_, i) => (i * 7919) & 255))),
    "was cut": (path) => truncateSync(path, 3 * 4096),
    "was cut in the middle of a page": (path) => truncateSync(path, Math.floor(statSync(path).size * 0.6)),
    "is all zeros": (path) => writeFileSync(path, Buffer.alloc(statSync(path).size)),
    "has its first pages zeroed": (path) => change(path, (bytes) => bytes.fill(0, 0, 8192)),
    "has zeroed pages in its middle": (path) =>
      change(path, (bytes) => bytes.fill(0, 8192, bytes.length - 8192)),
    "has pages of garbage": (path) => change(path, (bytes) => bytes.fill(0xa5, 8192, bytes.length / 2)),
    "is of a later version": (path) => change(path, (bytes) => bytes.writeUInt32LE(3, 28)),
  };

  test.each(Object.entries(spoil))(
    "C20: one that %s is set aside with one warning, and calls go on",
    async (what, act) => {
      const directory = await filled(60);
      act(dataOf(directory));
      const store = make({ directory });
      expect(await textAt(store, 3)).toBeUndefined();
      store.set(keyOf(3), entryOf("new"));
      await store.flush();
      expect(await textAt(store, 3)).toBe("new");
      expect(store.warnings).toHaveLength(what === "is empty" ? 0 : 1);
      if (what === "is empty") return;
      expect(store.warnings[0]).toMatch(/cannot be used .* it was moved to .*damaged, a new one is made/);
      expect(existsSync(join(directory, "answers-v1.damaged", "data.mdb"))).toBe(true);
    },
  );

  test("C20: whatever bits are turned, no read ends the process or brings a wrong answer", async () => {
    const whole = readFileSync(dataOf(await filled(80)));
    for (let round = 0; round < 12; round++) {
      const directory = folder();
      mkdirSync(join(directory, "answers-v1"));
      const bytes = Buffer.from(whole);
      for (let i = 0; i < 60; i++) {
        const at = (i * 7919 * (round + 3) + round * 104_729) % bytes.length;
        bytes[at] = bytes[at]! ^ (1 << (i & 7));
      }
      writeFileSync(dataOf(directory), bytes);
      const store = make({ directory });
      for (let i = 0; i < 80; i++) {
        const text = await textAt(store, i);
        if (text !== undefined) expect(text).toBe(`answer ${i} `.repeat(30));
      }
      await store.close();
    }
  });

  test("C20: a damaged entry is a miss, goes, and leaves the others; one warning", async () => {
    const directory = await filled(20);
    const gate = new DiskGate(open, join(directory, "answers-v1"));
    const table = new DiskTable(open, join(directory, "answers-v1"), gate);
    const bytes = encodeRecord(keyOf(3), { storedAt: 0, usedAt: 0, ttl: 1, text: Buffer.from("{}") });
    await table.write([
      [keyOf(4), { storedAt: 0, usedAt: 0, ttl: Number.POSITIVE_INFINITY, text: Buffer.from("{torn") }],
    ]);
    await table.close();
    await gate.close();
    const db = open<Buffer, string>({
      path: join(directory, "answers-v1"),
      noSubdir: false,
      encoding: "binary",
      overlappingSync: false,
    });
    const row = [...db.getKeys({ start: "=", end: ">" })].find((key) => key.includes(keyOf(5).slice(20)))!;
    // An answer of another question, and nothing at all.
    await db.put(row, bytes);
    await db.close();
    const store = make({ directory });
    for (const n of [4, 5]) expect(await textAt(store, n)).toBeUndefined();
    await expect.poll(() => store.warnings.length).toBeGreaterThan(0);
    expect(await textAt(store, 6)).toBe("answer 6 ".repeat(30));
    expect(new Set(store.warnings).size).toBe(1);
    expect(store.warnings[0]).toMatch(/an entry of the cache .* was damaged and is forgotten/);
    await expect.poll(() => store.stats().entries).toBeLessThan(20);
  });

  test("C24: a file of a later form of ours, and one of somebody else's, are set aside", async () => {
    for (const name of [Buffer.from("trunkline answers 9"), undefined]) {
      const directory = folder();
      mkdirSync(join(directory, "answers-v1"));
      const db = open<Buffer, string>({
        path: join(directory, "answers-v1"),
        noSubdir: false,
        encoding: "binary",
        overlappingSync: false,
      });
      await db.put(name ? "form" : "users", name ?? Buffer.from("theirs"));
      await db.close();
      const store = make({ directory });
      expect(await textAt(store, 1)).toBeUndefined();
      store.set(keyOf(1), entryOf("new"));
      await store.flush();
      expect(await textAt(store, 1)).toBe("new");
      expect(store.warnings).toHaveLength(1);
      expect(store.warnings[0]).toMatch(
        name ? /another form \("trunkline answers 9"\)/ : /something else wrote it/,
      );
      await store.close();
    }
  });

  test("C24: an entry of another form is a miss", async () => {
    const directory = folder();
    const store = make({ directory });
    store.set(keyOf(1), entryOf("x"));
    await store.close();
    const db = open<Buffer, string>({
      path: join(directory, "answers-v1"),
      noSubdir: false,
      encoding: "binary",
      overlappingSync: false,
    });
    const [row] = [...db.getKeys({ start: "=", end: ">" })];
    const bytes = Buffer.from(db.getBinary(row!)!);
    bytes[0] = bytes[0]! + 1;
    await db.put(row!, bytes);
    await db.close();
    expect(await textAt(store, 1)).toBeUndefined();
  });
});

describe("where nothing can be kept", () => {
  test("C21: a folder that is a file: memory only, one warning that names it, calls go on", async () => {
    const directory = join(folder(), "file");
    writeFileSync(directory, "");
    const rig = new Rig({ options: { directory } });
    for (let i = 0; i < 3; i++) {
      const given = rig.ask({ request: ask(`${i}`) });
      await expect.poll(() => rig.works.length).toBe(i + 1);
      rig.works[i]!.answer(`${i}`);
      await given.promise;
    }
    expect((await rig.get({ request: ask("1") })).cacheHit).toBe(true);
    await rig.cache.flush();
    expect(rig.warnings).toHaveLength(1);
    expect(rig.warnings[0]).toContain(directory);
    expect(rig.warnings[0]).toContain("memory only");
  });

  test("C21: a folder or a broken link where the file should be: memory only, and the warning names the place", async () => {
    for (const spoil of [mkdirSync, (path: string) => symlinkSync("/nowhere/at/all", path)]) {
      const directory = folder();
      mkdirSync(join(directory, "answers-v1"));
      spoil(join(directory, "answers-v1", "data.mdb"));
      const store = make({ directory });
      expect(await textAt(store, 1)).toBeUndefined();
      expect(store.warnings).toEqual([expect.stringContaining(`memory only: ${directory}`)]);
    }
  });

  test("a pool of one thread: memory only, since writing takes two; the warning says what it is", async () => {
    const before = process.env.UV_THREADPOOL_SIZE;
    process.env.UV_THREADPOOL_SIZE = "1";
    try {
      const store = make({ directory: folder() });
      store.set(keyOf(1), entryOf("one"));
      await store.flush();
      expect(await store.get(keyOf(1))).toBe(undefined);
      expect(store.warnings).toEqual([expect.stringMatching(/memory only.*UV_THREADPOOL_SIZE is 1/)]);
    } finally {
      if (before === undefined) delete process.env.UV_THREADPOOL_SIZE;
      else process.env.UV_THREADPOOL_SIZE = before;
    }
  });

  test("C21: no HOME, and no folder named: memory only, and the warning says what to set", async () => {
    const kept = { ...process.env };
    try {
      for (const name of ["TRUNKLINE_CACHE_DIR", "HOME", "XDG_CACHE_HOME", "LOCALAPPDATA"])
        delete process.env[name];
      const store = make({});
      expect(await textAt(store, 1)).toBeUndefined();
      store.set(keyOf(1), entryOf("x"));
      await store.flush();
      expect(store.warnings).toHaveLength(1);
      expect(store.warnings[0]).toMatch(/memory only.*TRUNKLINE_CACHE_DIR or HOME/);
    } finally {
      Object.assign(process.env, kept);
    }
  });

  test("C21: a folder that cannot be made", async () => {
    const store = make({ directory: "/proc/trunkline" });
    expect(await textAt(store, 1)).toBeUndefined();
    expect(store.warnings).toHaveLength(1);
  });

  test("C21: a disk that is almost full is not written, and is again when there is room", async () => {
    let freeBytes = 2 ** 30;
    const directory = folder();
    const store = make({ directory, room: () => ({ network: undefined, freeBytes }) });
    store.set(keyOf(1), entryOf("before"));
    await store.flush();
    freeBytes = 2 ** 20;
    store.set(keyOf(2), entryOf("full"));
    await store.flush();
    expect(await textAt(store, 1)).toBe("before");
    expect(await textAt(store, 2)).toBeUndefined();
    expect(store.warnings).toHaveLength(1);
    freeBytes = 2 ** 30;
    store.set(keyOf(3), entryOf("after"));
    await store.flush();
    expect(await textAt(store, 3)).toBe("after");
  });

  test("C22: a network's file system is refused by name", async () => {
    expect(networkType(0x6969)).toBe("NFS");
    expect(networkType(0xff534d42)).toBe("CIFS");
    expect(networkType(0xef53)).toBeUndefined();
    const store = make({ directory: folder(), room: () => ({ network: "NFS", freeBytes: 2 ** 40 }) });
    expect(await textAt(store, 1)).toBeUndefined();
    expect(store.warnings[0]).toMatch(/memory only.*on a network \(NFS\)/);
  });

  test("closed and used again, it tries again", async () => {
    const directory = join(folder(), "file");
    writeFileSync(directory, "");
    const store = make({ directory });
    expect(await textAt(store, 1)).toBeUndefined();
    renameSync(directory, `${directory}.away`);
    await store.close();
    store.set(keyOf(1), entryOf("x"));
    await store.flush();
    expect(await textAt(store, 1)).toBe("x");
  });

  test("a folder may be a link", async () => {
    const real = folder();
    const link = join(folder(), "link");
    symlinkSync(real, link);
    const store = make({ directory: link });
    store.set(keyOf(1), entryOf("x"));
    await store.flush();
    expect(existsSync(dataOf(real))).toBe(true);
  });
});

describe("time", () => {
  /** A clock whose wall can be set. */
  function clockAt(wall: { at: number }): Clock {
    const clock = new FakeClock();
    return Object.assign(clock, { wall: () => wall.at + clock.now() });
  }
  const noon = Date.UTC(2026, 0, 1, 12);

  test("C26: an entry from the future is used only where its age does not matter, and is not thrown away", async () => {
    const directory = folder();
    const wall = { at: noon };
    const store = make({ directory, clock: clockAt(wall) });
    store.set(keyOf(1), entryOf("brief", new FakeClock(), 3_600_000));
    store.set(keyOf(2), entryOf("for ever", new FakeClock()));
    await store.close();
    wall.at = noon - 86_400_000;
    expect(await textAt(store, 1)).toBeUndefined();
    expect(await textAt(store, 2)).toBe("for ever");
    await store.close();
    wall.at = noon + 60_000;
    expect(await textAt(store, 1)).toBe("brief");
  });

  test("C26: a clock that goes back a little makes an entry new, not immortal", async () => {
    const directory = folder();
    const wall = { at: noon };
    const store = make({ directory, clock: clockAt(wall) });
    store.set(keyOf(1), entryOf("x", new FakeClock(), 120_000));
    await store.close();
    wall.at = noon - 30_000;
    expect(await textAt(store, 1)).toBe("x");
    wall.at = noon + 120_000;
    expect(await textAt(store, 1)).toBeUndefined();
  });

  test("C26: a clock that jumps ahead makes a miss, and comes back to a hit", async () => {
    const directory = folder();
    const wall = { at: noon };
    const store = make({ directory, clock: clockAt(wall) });
    store.set(keyOf(1), entryOf("x", new FakeClock(), 3_600_000));
    await store.flush();
    wall.at = noon + 365 * 86_400_000;
    expect(await textAt(store, 1)).toBeUndefined();
    wall.at = noon + 1_000;
    expect(await textAt(store, 1)).toBe("x");
  });
});

describe("size", () => {
  test("C25: the file stays within its bound, and what is used stays longer than what is not", async () => {
    const directory = folder();
    const wall = { at: 0 };
    const clock = Object.assign(new FakeClock(), { wall: () => wall.at });
    const maxBytes = 4 * 2 ** 20;
    const store = make({ directory, maxBytes, clock });
    const text = "x".repeat(3_000);
    for (let i = 0; i < 100; i++) store.set(keyOf(i), entryOf(text, clock));
    await store.flush();
    for (let round = 1; round <= 20; round++) {
      wall.at += 2 * 3_600_000;
      // The first 100 are read now and then; the rest never.
      for (let i = 0; i < 100; i++) await store.get(keyOf(i));
      for (let i = 0; i < 100; i++) store.set(keyOf(1_000 * round + i), entryOf(text, clock));
      await store.flush();
      expect(store.stats().bytes).toBeLessThan(maxBytes);
    }
    expect(statSync(dataOf(directory)).size).toBeLessThanOrEqual(maxBytes);
    let kept = 0;
    for (let i = 0; i < 100; i++) if ((await textAt(store, i)) !== undefined) kept++;
    expect(kept).toBeGreaterThan(60);
    expect(store.stats().entries).toBeLessThan(500);
  });

  test("an answer too large for the bound is not kept", async () => {
    const store = make({ directory: folder(), maxBytes: 2 ** 20 });
    store.set(keyOf(1), entryOf("x".repeat(200_000)));
    await store.flush();
    expect(await textAt(store, 1)).toBeUndefined();
  });

  test("what waits to be written is bounded, readable, and written in order of its coming", async () => {
    const store = make({ directory: folder() });
    for (let i = 0; i < 20_050; i++) store.set(keyOf(i), { ...entryOf("x"), bytes: 10 });
    expect((await store.get(keyOf(0)))?.answer.text).toBe("x");
    expect(store.warnings[0]).toMatch(/cannot keep up/);
    await store.flush();
    expect(store.stats().entries).toBe(20_000);
  });
});

test("what waits to be written and what was written may be used for as long as each other", async () => {
  const clock = new FakeClock();
  const store = make({ directory: folder(), clock });
  store.set(keyOf(1), entryOf("brief", clock, 10));
  store.set(keyOf(2), entryOf("long", clock, 1_000));
  const later = clock.now() + 10;
  clock.now = () => later;
  expect([await textAt(store, 1), await textAt(store, 2)]).toEqual([undefined, "long"]);
  await store.flush();
  expect([await textAt(store, 1), await textAt(store, 2)]).toEqual([undefined, "long"]);
});

test("C25: what waits to be written is bounded in bytes and in number, and gives room when it is taken", () => {
  const sized = (bytes: number) => ({ ...entryOf("x"), bytes });
  const queue = new WriteQueue({ maxEntries: 3, maxBytes: 100 });
  expect([queue.add("a", sized(60)), queue.add("b", sized(50)), queue.add("c", sized(40))]).toEqual([
    true,
    false,
    true,
  ]);
  // In place of itself it needs no more than its own.
  expect([queue.add("a", sized(50)), queue.add("d", sized(1)), queue.add("e", sized(1))]).toEqual([
    true,
    true,
    false,
  ]);
  expect(queue.take(9, 45).map(([key]) => key)).toEqual(["c", "a"]);
  expect([queue.size, queue.add("f", sized(99))]).toEqual([1, true]);
  queue.clear("");
  expect([queue.size, queue.add("g", sized(100))]).toEqual([0, true]);
});

test("C20: a record is one under its own key alone", () => {
  const text = Buffer.from("{}");
  const bytes = encodeRecord("a", { storedAt: 1, usedAt: 2, ttl: 3, text });
  expect(decodeRecord("a", bytes, bytes.length)).toEqual({ storedAt: 1, usedAt: 2, ttl: 3, text });
  expect(decodeRecord("b", bytes, bytes.length)).toBeUndefined();
  expect(decodeRecord("a", bytes, bytes.length - 1)).toBeUndefined();
});

describe("in the cache", () => {
  test("R103, C22: another process's answers are hits; a write neither delays nor fails a call", async () => {
    const directory = folder();
    const [one, two] = [new Rig({ options: { directory } }), new Rig({ options: { directory } })];
    const given = one.ask();
    await expect.poll(() => one.works.length).toBe(1);
    one.works[0]!.answer("hi");
    await given.promise;
    await one.cache.flush();
    expect(await two.ask().promise).toMatchObject({ text: "hi", cacheHit: true });
    expect(two.cache.stats()).toMatchObject({ hits: 1, misses: 0, entries: 1 });
    two.cache.resetMemory();
    const again = two.ask({ stream: true });
    expect((await again.promise).cacheHit).toBe(true);
    expect(again.text()).toBe("hi");
    await one.cache.clear();
    expect(one.cache.stats().entries).toBe(0);
    await Promise.all([one.cache.close(), two.cache.close()]);
  });

  test("nothing is opened before the first call that uses it", async () => {
    const directory = folder();
    const rig = new Rig({ options: { directory } });
    rig.cache.stats();
    rig.cache.resetMemory();
    const off = rig.ask({ cache: { mode: "off", scope: "" } });
    rig.works[0]!.answer();
    await off.promise;
    await settled();
    expect(existsSync(join(directory, "answers-v1"))).toBe(false);
  });

  test("configure moves to another folder, and close lets the folder go", async () => {
    const [first, second] = [folder(), folder()];
    const cache = new Cache({ clock: systemClock, options: { directory: first } });
    cache.configure({ directory: second });
    await cache.clear();
    await cache.close();
    expect(existsSync(dataOf(first))).toBe(false);
    expect(existsSync(dataOf(second))).toBe(true);
  });
});

function change(path: string, act: (bytes: Buffer) => void): void {
  const bytes = readFileSync(path);
  act(bytes);
  writeFileSync(path, bytes);
}
