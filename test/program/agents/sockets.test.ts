import { afterEach, expect, test } from "vitest";
import { clients, LM } from "../../../src/index.ts";
import { ChatAgent } from "../../../src/program/chat-agent.ts";
import { tool } from "../../../src/program/tool.ts";
import { simulatedProvider } from "../../../src/testing/index.ts";

afterEach(() => clients.close({ mode: "abort" }));

test.each(["plain", "streamed"])(
  "R22: 400 agents, one a row, each with a tool, speak over a few real sockets (%s)",
  async (way) => {
    const provider = await simulatedProvider({ answerTokens: 8 });
    try {
      const looked: unknown[] = [];
      const look = tool({
        name: "look",
        inputSchema: { type: "object", properties: { row: { type: "integer" } }, required: ["row"] },
        execute: ({ row }) => {
          looked.push(row);
          return { row };
        },
      });
      const agents = Array.from({ length: 400 }, (_, row) => {
        const lm = new LM("openai/gpt-4o-mini", {
          apiKey: "sk-test",
          baseURL: provider.url,
          tls: { ca: provider.ca },
          cache: false,
        });
        return { agent: new ChatAgent({ lm, tools: [look], toolChoice: "required" }), row };
      });
      const replies = await Promise.all(
        agents.map(async ({ agent, row }) => {
          if (way === "plain") return agent.run(`Look at row ${row}.`);
          const stream = agent.stream(`Look at row ${row}.`);
          let text = "";
          for await (const event of stream) if (event.type === "delta") text += event.text;
          const reply = await stream.reply;
          expect(text).toBe(reply.text);
          return reply;
        }),
      );
      expect(looked).toHaveLength(400);
      for (const { text, toolCalls } of replies) {
        expect(text).not.toBe("");
        expect(toolCalls).toMatchObject([{ name: "look", result: { row: expect.any(Number) } }]);
      }
      for (const { agent } of agents) {
        expect(agent.history.map(({ role }) => role)).toEqual(["user", "assistant", "tool", "assistant"]);
      }
      expect(clients.stats().clients).toBe(1);
      expect(clients.stats().sockets).toBeLessThanOrEqual(20);
    } finally {
      await provider.close();
    }
  },
);
