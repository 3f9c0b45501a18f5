/** What the compiler knows of tools, agents and attempts. Nothing here runs: `types.test.ts` compiles it. */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import {
  BestOfN,
  ChatAgent,
  Module,
  Predict,
  ReAct,
  type ReActStep,
  Refine,
  tool,
} from "../../../src/index.ts";
import type { Same } from "../../signature/table.ts";

const is = <_T extends true>(): void => {};

/** As any library gives one. */
declare const numbers: StandardSchemaV1<{ n: number; digits: string }, { n: number; digits: number }>;

const rounded = tool({
  name: "rounded",
  inputSchema: numbers,
  execute: ({ n, digits }, { signal }) => {
    is<Same<typeof digits, number>>();
    is<Same<typeof signal, AbortSignal>>();
    return n.toFixed(digits);
  },
});
const keys = tool({
  name: "keys",
  inputSchema: { type: "object", properties: {} },
  execute: async (given) => {
    is<Same<typeof given, Readonly<Record<string, unknown>>>>();
    return Object.keys(given);
  },
});
// @ts-expect-error: there is no such argument
tool({ name: "wrong", inputSchema: numbers, execute: ({ m }) => m });
// @ts-expect-error: a tool does something
tool({ name: "wrong", inputSchema: {} });

export const agent = new ChatAgent({ tools: [rounded, keys], maxSteps: 3, temperature: 0 });
export const byName = new ChatAgent({
  // As an AI SDK tool looks.
  tools: {
    rounded,
    other: { inputSchema: {}, execute: (given: { q: string }, _: { messages: unknown[] }) => given.q },
  },
});
// @ts-expect-error: an agent answers once
new ChatAgent({ n: 2 });

const program = new ReAct("question -> answer: int, tags: string[]", {
  tools: [rounded, agent.asTool({ name: "agent" })],
});
// @ts-expect-error: it needs tools
new ReAct("question -> answer", {});

class Text extends Module {
  async forward({ x }: { x: number }) {
    return { y: String(x) };
  }
}

export async function use() {
  const out = await program.call({ question: "?" });
  is<Same<typeof out.answer, number>>();
  is<Same<typeof out.reasoning, string>>();
  is<Same<typeof out.trajectory, readonly ReActStep[]>>();
  // @ts-expect-error: no such output
  out.nope;
  // @ts-expect-error: an input is missing
  await program.call({});
  const best = new BestOfN(program, {
    n: 2,
    reward: ({ question }, { tags }) => question.length + tags.length,
  });
  is<Same<Awaited<ReturnType<typeof best.forward>>["tags"], string[]>>();
  const refined = new Refine(new Text(), { n: 2, reward: ({ x }, { y }) => ({ score: x, feedback: y }) });
  const { y } = await refined.call({ x: 1 });
  is<Same<typeof y, string>>();
  // @ts-expect-error: a text is no reward
  new BestOfN(new Predict("a -> b"), { n: 2, reward: () => "good" });
  for await (const event of agent.stream("?")) {
    if (event.type === "reply") is<Same<typeof event.reply.text, string>>();
  }
}
