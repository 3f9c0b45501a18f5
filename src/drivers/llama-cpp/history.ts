import { type Message, textOf } from "../../core/message.ts";
import type { HistoryItem } from "./module.ts";

/** A conversation as the package wants it: all system texts first, in one; results of tools are the user's words. */
export function historyOf(messages: readonly Message[]): HistoryItem[] {
  const system = systemOf(messages);
  const turns = messages.filter(({ role }) => role !== "system").map(turnOf);
  const head: HistoryItem[] = system === "" ? [] : [{ type: "system", text: system }];
  return [...head, ...turns, { type: "model", response: [] }];
}

export function systemOf(messages: readonly Message[]): string {
  const texts = messages.filter(({ role }) => role === "system").map(({ content }) => textOf(content));
  return texts.join("\n\n");
}

function turnOf({ role, content }: Message): HistoryItem {
  const text = textOf(content);
  return role === "assistant" ? { type: "model", response: [text] } : { type: "user", text };
}
