import type { LM } from "trunkline";
import { trunkline } from "../lib/built.ts";
import { descriptors, weigh } from "../lib/weigh.ts";
import { answer, job } from "../lib/worker.ts";
import type { Job, Outcome } from "./job.ts";

// Makes LMs, keeps them alive, lets them go, and weighs the heap each time.

const { agents, configurations } = job<Job>();
const { LM: Model, clients } = await trunkline();

const make = (agent: number): LM =>
  new Model("openai/sim", {
    baseURL: "https://127.0.0.1:9/v1",
    apiKey: "simulated",
    organization: `org-${agent % configurations}`,
    temperature: 0,
  });

answer(async (): Promise<Outcome> => {
  // What is made once, whatever the number.
  make(0);
  const descriptorsBefore = descriptors();
  const before = await weigh();
  let alive: LM[] | undefined = Array.from({ length: agents }, (_, agent) => make(agent));
  const aliveBytes = (await weigh()) - before - listBytes(alive);
  const { sockets } = clients.stats();
  const descriptorsAlive = descriptors();
  alive = undefined;
  return {
    aliveBytes,
    releasedBytes: (await weigh()) - before,
    descriptorsBefore,
    descriptorsAlive,
    sockets,
  };
});

/** The list that keeps them is the benchmark's own. */
function listBytes(list: readonly unknown[]): number {
  return list.length * 8;
}
