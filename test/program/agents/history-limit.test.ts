import { expect, test } from "vitest";
import type { ChatMessage } from "../../../src/program/conversation.ts";
import { withoutOldest } from "../../../src/program/history-limit.ts";

/** 4 tokens for the message and 6 for its 24 bytes. */
const said = (role: "user" | "assistant"): ChatMessage => ({ role, content: "x".repeat(24) });
const turn = [said("user")];

test("a conversation that comes to exactly the limit stays whole; a token less drops its oldest turn", () => {
  const history = [said("user"), said("assistant"), said("user"), said("assistant")];
  expect(withoutOldest(history, turn, 50)).toBe(history);
  expect(withoutOldest(history, turn, 49)).toEqual(history.slice(2));
  expect(withoutOldest(history, turn, 30)).toEqual(history.slice(2));
  expect(withoutOldest(history, turn, 29)).toEqual([]);
});

test("a picture counts, and so does what a tool is called with", () => {
  const picture: ChatMessage = { role: "user", content: [{ type: "image", url: "https://x.example/a.png" }] };
  expect(withoutOldest([picture], turn, 814)).toHaveLength(1);
  expect(withoutOldest([picture], turn, 813)).toEqual([]);
  const call = { id: "a", name: "note", arguments: {}, argumentsText: "x".repeat(36) };
  const called: ChatMessage = { role: "assistant", content: "", toolCalls: [call] };
  expect(withoutOldest([called], turn, 24)).toHaveLength(1);
  expect(withoutOldest([called], turn, 23)).toEqual([]);
});
