import type { LookupAddress } from "node:dns";
import { beforeEach, expect, test, vi } from "vitest";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import { Lookup } from "../../src/transport/lookup.ts";

type Answer = (error: Error | null, addresses: LookupAddress[]) => void;
const asked: { host: string; answer: Answer }[] = [];

vi.mock("node:dns", () => ({
  lookup: (host: string, _options: unknown, answer: Answer) => void asked.push({ host, answer }),
}));

beforeEach(() => {
  asked.length = 0;
});

const addresses = [
  { address: "::1", family: 6 },
  { address: "127.0.0.1", family: 4 },
];

function ask(lookup: Lookup, all = true): Promise<unknown[]> {
  return new Promise((resolve) => {
    lookup.find("host.example", { all }, (...answer) => resolve(answer));
  });
}

test("N5: many connects at once ask the name service once", async () => {
  const lookup = new Lookup(new FakeClock());
  const answers = Array.from({ length: 32 }, () => ask(lookup));
  expect(asked).toHaveLength(1);
  asked[0]!.answer(null, addresses);
  for (const answer of await Promise.all(answers)) expect(answer).toEqual([null, addresses]);
});

test("an answer is used for 10 s, or until a connect fails", async () => {
  const clock = new FakeClock();
  const lookup = new Lookup(clock);
  const first = ask(lookup);
  asked[0]!.answer(null, addresses);
  await first;
  await clock.advance(9_999);
  expect(await ask(lookup, false)).toEqual([null, "::1", 6]);
  expect(asked).toHaveLength(1);
  await clock.advance(1);
  const second = ask(lookup);
  expect(asked).toHaveLength(2);
  asked[1]!.answer(null, addresses.slice(1));
  expect(await second).toEqual([null, addresses.slice(1)]);
  lookup.expire();
  void ask(lookup);
  expect(asked).toHaveLength(3);
});

test("while the name service fails the last answer is better than none", async () => {
  const clock = new FakeClock();
  const lookup = new Lookup(clock);
  const failure = new Error("EAI_AGAIN");
  const lost = ask(lookup);
  asked[0]!.answer(failure, []);
  expect((await lost)[0]).toBe(failure);
  const first = ask(lookup);
  asked[1]!.answer(null, addresses);
  await first;
  await clock.advance(60_000);
  const stale = ask(lookup);
  asked[2]!.answer(failure, []);
  expect(await stale).toEqual([null, addresses]);
});
