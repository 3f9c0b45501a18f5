import { readdirSync } from "node:fs";
import { LM } from "../../../src/index.ts";
import { ChatAgent } from "../../../src/program/chat-agent.ts";
import { tool } from "../../../src/program/tool.ts";

// How much a ChatAgent with an empty history weighs: many, all alive, each with options of its own.
const count = Number(process.argv[2] ?? 100_000);
const descriptors = (): number => readdirSync("/proc/self/fd").length;
const collected = (): number => {
  globalThis.gc!();
  globalThis.gc!();
  return process.memoryUsage().heapUsed;
};
const lm = new LM("openai/gpt-4o-mini", { apiKey: "sk-test-0123456789abcdef" });
const tools = [
  tool({ name: "look", inputSchema: { type: "object" }, execute: () => "x" }),
  tool({ name: "find", inputSchema: { type: "object" }, execute: () => "x" }),
];
const make = (): ChatAgent =>
  new ChatAgent({
    lm,
    system: "You are brief.",
    tools,
    maxSteps: 8,
    maxHistoryTokens: 4_000,
    temperature: 0.5,
  });

for (let i = 0; i < 1_000; i++) make();
const before = { heap: collected(), descriptors: descriptors() };
const agents = Array.from({ length: count }, make);
const bytesEach = (collected() - before.heap) / count;
process.stdout.write(
  JSON.stringify({ agents: agents.length, bytesEach, moreDescriptors: descriptors() - before.descriptors }),
);
