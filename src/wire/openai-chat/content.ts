import { isObject, textIn } from "../json-value.ts";

/** The text of an answer's content, which some servers send as a list of parts. */
export function textOfContent(content: unknown): string | undefined {
  if (typeof content === "string") return content;
  return Array.isArray(content) ? join(content, "text") : undefined;
}

/** The visible thinking of a message or delta, in any of the fields that servers use. */
export function reasoningOf(message: Record<string, unknown>): string | undefined {
  const { reasoning_content, reasoning, content } = message;
  const said = textIn(reasoning_content) ?? textIn(reasoning);
  return said ?? (Array.isArray(content) ? textIn(join(content, "thinking")) : undefined);
}

/** The texts of one kind of part; a thinking part holds text parts itself. */
function join(parts: readonly unknown[], kind: "text" | "thinking"): string {
  let text = "";
  for (const part of parts) {
    if (!isObject(part) || part.type !== kind) continue;
    const value = part[kind];
    if (typeof value === "string") text += value;
    else if (Array.isArray(value)) text += join(value, "text");
  }
  return text;
}
