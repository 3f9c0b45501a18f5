import { readdirSync } from "node:fs";
import { clients, LM } from "../../src/index.ts";

// A program as its users write it: an LM for every agent, all of them at once. Says what happened as JSON.
const { url, ca, protocol, agents, rounds } = JSON.parse(process.argv[2]!);
const descriptors = (): number => readdirSync("/proc/self/fd").length;

const failures: Record<string, number> = {};
let sockets = 0;
let open = 0;
const agent = async (name: number): Promise<void> => {
  for (let round = 0; round < rounds; round++) {
    const lm = new LM("openai/sim", {
      baseURL: url,
      apiKey: "sk-test-0123456789abcdef",
      tls: { ca },
      protocol,
    });
    const answer = await lm.call(`agent ${name}, round ${round}`).catch((error) => {
      failures[error.code ?? error.name] = (failures[error.code ?? error.name] ?? 0) + 1;
    });
    if (answer?.text === "") failures.empty = (failures.empty ?? 0) + 1;
    sockets = Math.max(sockets, clients.stats().sockets);
    if (name % 50 === 0) open = Math.max(open, descriptors());
  }
};
await Promise.all(Array.from({ length: agents }, (_, name) => agent(name)));
const { created, inFlight, queued } = clients.stats();
await clients.close();
process.stdout.write(JSON.stringify({ failures, sockets, descriptors: open, created, inFlight, queued }));
