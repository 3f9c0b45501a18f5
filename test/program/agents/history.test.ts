import fc from "fast-check";
import { expect, test } from "vitest";
import type { ToolCall } from "../../../src/core/message.ts";
import { TrunklineError } from "../../../src/index.ts";
import { ChatAgent } from "../../../src/program/chat-agent.ts";
import { tool } from "../../../src/program/tool.ts";
import { scripted } from "./rig.ts";

/** One turn as a story: rounds of tool calls, then its end; `together` starts it before the one before has ended. */
interface Story {
  readonly rounds: readonly number[];
  readonly end: "answers" | "fails" | "is aborted";
  /** The round in which a bad end comes; -1 is before the turn begins. */
  readonly at: number;
  readonly together: boolean;
}

const story = fc.record<Story>({
  rounds: fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 3 }),
  end: fc.constantFrom("answers", "answers", "fails", "is aborted"),
  at: fc.integer({ min: -1, max: 3 }),
  together: fc.boolean(),
});

const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

test("whatever turns do (tools, failures, aborts, waiting), the history is the good turns in order, each whole", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(story, { minLength: 1, maxLength: 8 }), async (stories) => {
      const leaves = stories.map(() => new AbortController());
      const { lm } = scripted(async ({ messages }) => {
        const begin = messages.findLastIndex(({ role }) => role === "user");
        const index = Number(messages[begin]!.content);
        const { rounds, end, at } = stories[index]!;
        const round = messages.slice(begin).filter(({ role }) => role === "assistant").length;
        await settle();
        if (end === "fails" && round >= Math.min(at, rounds.length)) throw new TrunklineError("parse", "bad");
        if (end === "is aborted" && round >= Math.min(at, rounds.length)) leaves[index]!.abort();
        const count = rounds[round];
        if (count === undefined) return `answer ${index}`;
        return { calls: Array.from({ length: count }, (_, i) => ["note", { i }] as const) };
      });
      const note = tool({ name: "note", inputSchema: { type: "object" }, execute: ({ i }) => i });
      const agent = new ChatAgent({ lm, tools: [note] });
      const turns: Promise<unknown>[] = [];
      for (const [index, { together, end, at }] of stories.entries()) {
        if (!together) await Promise.allSettled(turns);
        turns.push(agent.run(String(index), { signal: leaves[index]!.signal }));
        if (end === "is aborted" && at === -1) leaves[index]!.abort();
      }
      const outcomes = (await Promise.allSettled(turns)).map(({ status }) => status === "fulfilled");
      const good = stories.map(({ end }) => end === "answers");
      expect(outcomes).toEqual(good);
      const said = agent.history.flatMap(({ role, content }) => (role === "user" ? [Number(content)] : []));
      expect(said).toEqual(good.flatMap((isGood, index) => (isGood ? [index] : [])));
      const shape = said.flatMap((index) => [
        "user",
        ...stories[index]!.rounds.flatMap((count) => ["assistant", ...Array(count).fill("tool")]),
        "assistant",
      ]);
      expect(agent.history.map(({ role }) => role)).toEqual(shape);
      // The reader of histories from elsewhere is strict about tool exchanges.
      expect(new ChatAgent({ lm, history: JSON.parse(JSON.stringify(agent.history)) }).history).toEqual(
        agent.history,
      );
    }),
    { numRuns: 150 },
  );
});

test("whatever a conversation holds, what maxHistoryTokens leaves begins with a user's message and fits", async () => {
  const size = fc.integer({ min: 0, max: 400 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ size, rounds: fc.array(size, { maxLength: 2 }) }), { minLength: 1, maxLength: 6 }),
      fc.integer({ min: 1, max: 300 }),
      async (turns, most) => {
        let turn = 0;
        const { lm, questions } = scripted(({ messages }) => {
          const begin = messages.findLastIndex(({ role }) => role === "user");
          const round = messages.slice(begin).filter(({ role }) => role === "assistant").length;
          const length = turns[turn]!.rounds[round];
          return length === undefined ? "ok" : { calls: [["fill", { length }]] };
        });
        const fill = tool({
          name: "fill",
          inputSchema: { type: "object" },
          execute: ({ length }) => "x".repeat(length as number),
        });
        const agent = new ChatAgent({ lm, system: "rules", tools: [fill], maxHistoryTokens: most });
        for (const { size } of turns) {
          await agent.run("y".repeat(size));
          turn++;
        }
        const turnsOf = (messages: readonly { role: string }[]) =>
          messages.filter(({ role }) => role === "user").length;
        const tokens = ({ content, toolCalls = [] }: { content: unknown; toolCalls?: readonly ToolCall[] }) =>
          4 +
          ((content as string).length +
            toolCalls.map((call) => call.name + call.argumentsText).join("").length) /
            4;
        const total = (messages: readonly unknown[]) =>
          messages.map((message) => tokens(message as never)).reduce((a, b) => a + b, 0);
        for (const { messages } of questions) {
          expect(messages[0]).toEqual({ role: "system", content: "rules" });
          expect(messages[1]!.role).toBe("user");
          expect(() => new ChatAgent({ lm, history: messages.slice(1) as never })).not.toThrow();
          if (turnsOf(messages) > 1) expect(total(messages.slice(1))).toBeLessThanOrEqual(most);
        }
        expect(turnsOf(agent.history)).toBeGreaterThanOrEqual(1);
      },
    ),
    { numRuns: 100 },
  );
});
