import { testing } from "../../lib/built.ts";
import { answer, job } from "../../lib/worker.ts";
import { answers } from "../question.ts";

// The provider in a process of its own: it answers each side's question in the form that it asks for.

export interface ProviderJob {
  readonly latencyMs: number;
}

const { simulatedProvider } = await testing();
const provider = await simulatedProvider({
  latencyMs: job<ProviderJob>().latencyMs,
  answer: ({ messages }) => {
    const head = messages[0]!.content;
    return typeof head === "string" && head.includes("[[ ## answer ## ]]") ? answers.chat : answers.ax;
  },
});

answer(() => ({ url: provider.url, ca: provider.ca, sockets: provider.stats().sockets.ever }));
