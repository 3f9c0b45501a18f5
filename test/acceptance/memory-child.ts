import { readdirSync } from "node:fs";
import { clients, DriverLM, LM } from "../../src/index.ts";

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
const moreDescriptors = descriptors() - before.descriptors;

// Backends that close over something large, never called and no longer held.
const bytesBefore = process.memoryUsage().arrayBuffers;
for (let i = 0; i < 100; i++) {
  const large = new Uint8Array(1_000_000);
  new DriverLM({ requestFn: async () => large.length, outputFn: (raw) => String(raw) });
}
await new Promise((resolve) => setImmediate(resolve));
collected();
const closures = process.memoryUsage().arrayBuffers - bytesBefore;
const { clients: made, sockets } = clients.stats();
process.stdout.write(
  JSON.stringify({
    bytesEach,
    lms: lms.length,
    made,
    sockets,
    moreDescriptors,
    closures,
  }),
);
