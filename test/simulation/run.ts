import { parseArgs } from "node:util";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { simulate } from "./simulate.ts";

// npx node test/simulation/run.ts --seed 123 [--trace]        one seed, with its last events, or all of them
// npx node test/simulation/run.ts --seeds 10000 [--from N]    many, on two threads; exit code 1 when one fails

interface Share {
  readonly from: number;
  readonly to: number;
  readonly step: number;
}

interface Report {
  seeds: number;
  events: number;
  virtualMs: number;
  readonly tally: Record<string, number>;
  readonly failed: { readonly seed: number; readonly invariant: string; readonly message: string }[];
}

const empty = (): Report => ({ seeds: 0, events: 0, virtualMs: 0, tally: {}, failed: [] });

async function runShare({ from, to, step }: Share, tell: (report: Report) => void): Promise<void> {
  let report = empty();
  for (let seed = from; seed < to; seed += step) {
    const { tally, steps, virtualMs, violation } = await simulate(seed);
    report.seeds++;
    report.events += steps;
    report.virtualMs += virtualMs;
    for (const [what, count] of Object.entries(tally)) report.tally[what] = (report.tally[what] ?? 0) + count;
    if (violation !== undefined)
      report.failed.push({ seed, invariant: violation.invariant, message: violation.message });
    if (report.seeds === 50) {
      tell(report);
      report = empty();
    }
  }
  tell(report);
}

function add(total: Report, part: Report): void {
  total.seeds += part.seeds;
  total.events += part.events;
  total.virtualMs += part.virtualMs;
  for (const [what, count] of Object.entries(part.tally))
    total.tally[what] = (total.tally[what] ?? 0) + count;
  for (const failure of part.failed) {
    total.failed.push(failure);
    console.log(`seed ${failure.seed} breaks ${failure.invariant}: ${failure.message}`);
  }
}

async function runMany(from: number, count: number): Promise<void> {
  const total = empty();
  const started = performance.now();
  const threads = 2;
  await Promise.all(
    Array.from({ length: threads }, (_, i) => {
      const share: Share = { from: from + i, to: from + count, step: threads };
      const worker = new Worker(new URL(import.meta.url), { workerData: share });
      let told = 0;
      worker.on("message", (part: Report) => {
        add(total, part);
        told += part.seeds;
        if (i === 0 && told % 500 === 0)
          console.log(`${total.seeds} of ${count} seeds, ${total.failed.length} failed`);
      });
      return new Promise<void>((resolve, reject) => {
        worker.on("error", reject);
        worker.on("exit", () => resolve());
      });
    }),
  );
  for (const what of Object.keys(total.tally).sort())
    console.log(`${String(total.tally[what]).padStart(10)}  ${what}`);
  const seconds = (performance.now() - started) / 1_000;
  console.log(
    `${total.seeds} seeds, ${total.events} events, ${Math.round(total.virtualMs / 3_600_000)} virtual hours ` +
      `in ${seconds.toFixed(1)} s (${Math.round(total.seeds / seconds)} seeds a second): ${total.failed.length} failed`,
  );
  const byInvariant = Map.groupBy(total.failed, ({ invariant }) => invariant);
  for (const [invariant, failures] of byInvariant) {
    const seeds = failures.map(({ seed }) => seed).sort((a, b) => a - b);
    console.log(`${invariant}: ${seeds.length}, among them ${seeds.slice(0, 10).join(" ")}`);
  }
  if (total.failed.length > 0) process.exitCode = 1;
}

async function runOne(seed: number, trace: boolean): Promise<void> {
  const outcome = await simulate(seed, { trace });
  console.log(outcome.trace.join("\n"));
  if (trace) console.log(outcome.tally);
  const { violation } = outcome;
  if (violation === undefined) {
    console.log(`seed ${seed}: clean after ${outcome.steps} events and ${outcome.virtualMs} virtual ms`);
    return;
  }
  console.dir(violation.lanes, { depth: 5 });
  console.log(`seed ${seed} breaks ${violation.invariant} at ${violation.at} ms: ${violation.message}`);
  process.exitCode = 1;
}

if (isMainThread) {
  const { values } = parseArgs({
    options: {
      seed: { type: "string" },
      seeds: { type: "string", default: "1000" },
      from: { type: "string", default: "1" },
      trace: { type: "boolean", default: false },
    },
  });
  if (values.seed !== undefined) await runOne(Number(values.seed), values.trace);
  else await runMany(Number(values.from), Number(values.seeds));
} else {
  await runShare(workerData as Share, (report) => parentPort!.postMessage(report));
}
