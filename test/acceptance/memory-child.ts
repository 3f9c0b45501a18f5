import { readdirSync } from "node:fs";
import { clients, LM } from "../../src/index.ts";

// How much an LM weighs: many of few configurations, all alive.
const count = 20_000;
const descriptors = (): number => readdirSync("/proc/self/fd").length;
const collected = (): number => {
  globalThis.gc!();
  globalThis.gc!();
  return process.memoryUsage().heapUsed;
};
const make = (i: number): LM =>
  new LM("openai/gpt-4o-mini", {
    apiKey: "sk-test-0123456789abcdef",
    timeout: 1_000 + (i % 10),
    temperature: 0.5,
  });

for (let i = 0; i < 1_000; i++) make(i);
const before = { heap: collected(), descriptors: descriptors() };
const lms = Array.from({ length: count }, (_, i) => make(i));
const bytesEach = (collected() - before.heap) / count;
const { clients: made, sockets } = clients.stats();
process.stdout.write(
  JSON.stringify({
    bytesEach,
    lms: lms.length,
    made,
    sockets,
    moreDescriptors: descriptors() - before.descriptors,
  }),
);
