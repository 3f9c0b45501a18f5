import type { ChatAgent, ChatAgentOptions } from "trunkline";
import { trunkline } from "../../lib/built.ts";
import { descriptors, weigh } from "../../lib/weigh.ts";
import { answer, job } from "../../lib/worker.ts";
import type { Job, Kind, Outcome } from "./job.ts";

// Makes ChatAgents, keeps them alive, lets them go, and weighs the heap each time.

const { agents, kind } = job<Job>();
const { ChatAgent: Agent, LM, tool } = await trunkline();

const lm = new LM("openai/sim", { baseURL: "https://127.0.0.1:9/v1", apiKey: "simulated" });
const system = "You are a travel agent. Answer in one line, and look up what you do not know.";
const lookUp = (name: string) =>
  tool({
    name,
    description: `Looks up the ${name} of a place.`,
    inputSchema: { type: "object", properties: { place: { type: "string" } }, required: ["place"] },
    execute: async () => "unknown",
  });
const tools = [lookUp("weather"), lookUp("price")];
const optionsOf: Readonly<Record<Kind, () => ChatAgentOptions>> = {
  lm: () => ({ lm }),
  system: () => ({ lm, system, temperature: 0 }),
  tools: () => ({ lm, system, tools }),
};
const make = (): ChatAgent => new Agent(optionsOf[kind]());

answer(async (): Promise<Outcome> => {
  // What is made once, whatever the number.
  make();
  const descriptorsBefore = descriptors();
  const before = await weigh();
  let alive: ChatAgent[] | undefined = Array.from({ length: agents }, make);
  // The list that keeps them is the benchmark's own.
  const aliveBytes = (await weigh()) - before - alive.length * 8;
  const messages = alive.reduce((sum, { history }) => sum + history.length, 0);
  const descriptorsAlive = descriptors();
  alive = undefined;
  const releasedBytes = (await weigh()) - before;
  return { aliveBytes, releasedBytes, descriptorsBefore, descriptorsAlive, messages };
});
