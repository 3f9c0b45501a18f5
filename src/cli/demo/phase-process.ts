import { type Ask, makeAgent } from "./agents.ts";
import { type Job, type Line, type Outcome, promptOf } from "./job.ts";
import { peakMemory, reasonOf, SocketMeter } from "./meter.ts";

/**
 * One phase of the demo in a process of its own, so that memory and descriptors of the two ways can be compared.
 * Takes a Job as JSON in its first argument, prints Lines, and ends when nobody reads them.
 */

const job: Job = JSON.parse(process.argv[2]!);
process.stdout.on("error", () => process.exit(1)); // Nobody reads any more: the demo has ended.

const meter = new SocketMeter();
const print = (line: Line): void => {
  process.stdout.write(`${JSON.stringify(line)}\n`);
};
const tally = {
  answered: 0,
  failed: 0,
  inputTokens: 0,
  outputTokens: 0,
  usd: undefined as number | undefined,
};
const reasons: Record<string, number> = {};

const before = peakMemory();
const standing = setInterval(() => {
  const { answered, failed } = tally;
  print({ standing: { ended: answered + failed, failed, sockets: meter.open } });
}, 100);

const started = performance.now();
const agents = Array.from({ length: job.agents }, () => makeAgent[job.way](job));
await Promise.all(agents.map(converse));
const outcome: Outcome = {
  ms: performance.now() - started,
  ...tally,
  reasons,
  socketsOpened: meter.opened,
  socketsAtOnce: meter.atOnce,
  memoryGrowth: peakMemory() - before,
};
clearInterval(standing);
process.stdout.write(`${JSON.stringify({ outcome } satisfies Line)}\n`, () => process.exit(0));

/** One agent's conversation, call after call; a call that fails does not end it. */
async function converse(ask: Ask, agent: number): Promise<void> {
  for (let round = 0; round < job.rounds; round++) {
    try {
      const { inputTokens, outputTokens, usd } = await ask(promptOf(agent, round));
      tally.answered++;
      tally.inputTokens += inputTokens;
      tally.outputTokens += outputTokens;
      if (usd !== undefined) tally.usd = (tally.usd ?? 0) + usd;
    } catch (error) {
      tally.failed++;
      const reason = reasonOf(error);
      reasons[reason] = (reasons[reason] ?? 0) + 1;
    }
  }
}
