import { TrunklineError } from "../../core/errors.ts";
import { lookup } from "../../drivers/catalog.ts";
import { LM } from "../../index.ts";
import { startProvider } from "../../testing/start-provider.ts";
import { type Job, maxTokens, promptOf, type Way } from "../demo/job.ts";
import { type Measured, runPhase } from "../demo/phase.ts";
import { Progress } from "../demo/progress.ts";
import { comparison, realReport, simulatedNote } from "../demo/report.ts";
import { count } from "../demo/screen.ts";
import type { Command, Values } from "../options.ts";

/** How the simulated provider answers: the time to the first token, and for each of about 16 more. */
const provider = { latencyMs: 150, tokenMs: 5, answerTokens: 16 };

export const demo: Command = {
  options: {
    agents: { type: "count", value: "N", help: "agents that run at once (2,000; with --model 20)" },
    rounds: { type: "count", value: "N", help: "calls of each agent, one after another (3; with --model 1)" },
    model: {
      type: "text",
      value: "NAME",
      help: 'a real model, such as "openai/gpt-4o-mini" or "ollama/llama3.2"',
    },
    yes: { type: "switch", help: "send the calls of --model to a provider that may charge for them" },
    json: { type: "switch", help: "print the result as JSON" },
  },
  notes: [
    "Without --model nothing leaves this machine: the provider is simulated, on loopback. With --model the calls",
    "go through trunkline alone, to the provider whose key the environment holds.",
  ],
  example: "trunkline demo --agents 500 --json",
  run: ({ model, ...values }) => (model === undefined ? compare(values) : ask(String(model), values)),
};

/** The two ways one after the other, each in a fresh process against a fresh provider. */
async function compare({ agents = 2000, rounds = 3, json }: Values): Promise<number> {
  const job = { model: "openai/sim", agents: Number(agents), rounds: Number(rounds) };
  const plain = await simulatedPhase("plain", job);
  const trunkline = await simulatedPhase("trunkline", job);
  if (json)
    console.log(JSON.stringify({ simulated: true, provider, ...job, plain, trunkline }, undefined, 2));
  else console.log(`\n${comparison(job, plain, trunkline)}\n\n${simulatedNote(provider)}`);
  return trunkline.failed === 0 ? 0 : 1;
}

async function simulatedPhase(way: Way, job: Omit<Job, "way">): Promise<Measured> {
  await using simulated = await startProvider(provider);
  // Awaited here, else the provider would be gone before it is asked.
  return await phase({ ...job, way, simulated: { url: simulated.url, ca: simulated.ca ?? "" } });
}

const titles: Readonly<Record<Way, string>> = {
  plain: "a connection per agent:",
  trunkline: "through trunkline:",
};

async function phase(job: Job): Promise<Measured> {
  const progress = new Progress(process.stderr, titles[job.way], job.agents * job.rounds);
  try {
    return await runPhase(job, (standing, descriptors) => progress.show(standing, descriptors));
  } finally {
    progress.done();
  }
}

/** A real model, through trunkline alone: the plain way would only pay a second time. */
async function ask(model: string, { agents = 20, rounds = 1, yes, json }: Values): Promise<number> {
  const { facts } = lookup(model);
  // Made before the question of cost, so that a wrong name or a missing key is said first.
  const lm = new LM(model, { maxTokens, maxRetries: 0, cache: false });
  const calls = Number(agents) * Number(rounds) + 1;
  const plan = `${count(calls)} calls to ${model}, each of about 25 tokens in and at most ${maxTokens} out`;
  if (!yes && !facts.concurrencyBound) {
    throw new TrunklineError(
      "config",
      `this sends ${plan}, which ${facts.label ?? facts.name} may charge for; add --yes to do so`,
    );
  }
  if (!json) console.error(`Sending ${plan}.`);
  // One call alone, so that a server that is not there is not asked by everybody.
  await lm.call(promptOf(0, 0));
  const job: Job = { way: "trunkline", model, agents: Number(agents), rounds: Number(rounds) };
  const measured = await phase(job);
  if (json) console.log(JSON.stringify({ simulated: false, ...job, trunkline: measured }, undefined, 2));
  else console.log(`\n${realReport(job, measured)}`);
  return measured.failed === 0 ? 0 : 1;
}
