import { startMeter } from "../lib/meter.ts";
import { answer, job } from "../lib/worker.ts";
import { codeOf } from "./codes.ts";
import { contestants } from "./contestants.ts";
import { type Ask, type Job, type Outcome, promptOf } from "./job.ts";

// One contestant in a process of its own: asked "go", it makes its agents, lets all of them talk at once, and says
// what that took.

const task = job<Job>();
const { agents, rounds, clientPer, limitMs } = task;
const makeClient = await contestants[task.contestant]!(task);
// Peers leave rejections behind when sockets are refused; they must not end the run.
process.on("unhandledRejection", () => {});

answer(async (): Promise<Outcome> => {
  const codes: Record<string, number> = {};
  let answered = 0;
  let failed = 0;
  const talk = async (agent: number): Promise<void> => {
    let ask: Ask | undefined;
    for (let round = 0; round < rounds; round++) {
      try {
        if (ask === undefined || clientPer === "call") ask = makeClient();
        const text = await ask(promptOf(agent, round));
        if (text === "") throw Object.assign(new Error(), { code: "empty answer" });
        answered++;
      } catch (error) {
        failed++;
        const code = codeOf(error);
        codes[code] = (codes[code] ?? 0) + 1;
      }
    }
  };
  const stop = startMeter();
  const all = Promise.all(Array.from({ length: agents }, (_, agent) => talk(agent)));
  await Promise.race([all, new Promise((resolve) => setTimeout(resolve, limitMs).unref())]);
  return {
    ...stop(),
    answered,
    failed,
    unfinished: agents * rounds - answered - failed,
    codes: { ...codes },
  };
});
