import type { Job } from "./job.ts";
import type { Measured } from "./phase.ts";
import { count, megabytes, seconds, table, wrap } from "./screen.ts";

/** What is measured, and how it is shown. */
const rows: readonly (readonly [string, (measured: Measured) => string])[] = [
  ["time", ({ ms }) => seconds(ms)],
  ["calls answered", ({ answered }) => count(answered)],
  ["calls failed", ({ failed }) => count(failed)],
  ["connections opened", ({ socketsOpened }) => count(socketsOpened)],
  ["connections at once", ({ socketsAtOnce }) => count(socketsAtOnce)],
  ["descriptors at once", ({ descriptorsAtOnce: n }) => (n === undefined ? "not told here" : count(n))],
  ["memory growth", ({ memoryGrowth }) => megabytes(memoryGrowth)],
];

type Size = Pick<Job, "agents" | "rounds">;

/** The table of the two ways, and why calls failed where some did. */
export function comparison({ agents, rounds }: Size, plain: Measured, trunkline: Measured): string {
  const head = [`${count(agents)} agents x ${count(rounds)}`, "a connection per agent", "trunkline"];
  const lines = rows.map(([name, show]) => [name, show(plain), show(trunkline)]);
  const failures = [
    ...failureNote("With a connection per agent", plain),
    ...failureNote("Through trunkline", trunkline),
  ];
  return [table(head, lines), ...failures].join("\n\n");
}

function failureNote(title: string, { failed, reasons }: Measured): string[] {
  if (failed === 0) return [];
  const list = Object.entries(reasons).map(([reason, times]) => `${count(times)} by ${reason}`);
  const limit = reasons["descriptor limit"]
    ? " The descriptor limit is that of this shell (ulimit -Hn): the system refused further connections."
    : "";
  return [wrap(`${title} ${count(failed)} calls failed: ${list.join(", ")}.${limit}`)];
}

/** What is real here and what is not. */
export function simulatedNote({ latencyMs, tokenMs }: { latencyMs: number; tokenMs: number }): string {
  return wrap(
    `Simulated: the provider. It is another process on this machine, answers made-up text after ${latencyMs} ms and ` +
      `${tokenMs} ms a token, and shares the cores with what is measured; no model ran and nothing was paid. Real: ` +
      "TLS, sockets, HTTP, time and memory, each way in a fresh process. The connection per agent is node:https with " +
      "keep-alive over HTTP/1.1, which is what Node's own fetch speaks; trunkline speaks HTTP/2 where it is offered.",
  );
}

export function realReport(job: Job, measured: Measured): string {
  const lines = rows.map(([name, show]) => [name, show(measured)]);
  const used = [
    ["tokens in", count(measured.inputTokens)],
    ["tokens out", count(measured.outputTokens)],
    ["cost", measured.usd === undefined ? "price not known" : `$${measured.usd.toFixed(6)}`],
  ];
  const head = [`${count(job.agents)} agents x ${count(job.rounds)}`, job.model];
  return [table(head, [...lines, ...used]), ...failureNote("Of these", measured)].join("\n\n");
}
