import { textOf } from "../../core/message.ts";
import type { ChatRequest } from "../../core/request.ts";

type Fields = Readonly<Record<string, unknown>>;

/** An answer's fields in the form that the request asks for: sections, tags, or one JSON object. */
export function fieldsAsText(fields: Fields, request: ChatRequest): string {
  const asked = request.messages.map(({ content }) => textOf(content)).join("\n");
  const names = Object.keys(fields);
  if (names.some((name) => asked.includes(`[[ ## ${name} ## ]]`))) return asSections(fields);
  if (names.some((name) => asked.includes(`<${name}>`))) return asTags(fields);
  return JSON.stringify(fields);
}

function asSections(fields: Fields): string {
  const sections = Object.entries(fields).map(([name, value]) => `[[ ## ${name} ## ]]\n${textual(value)}`);
  return [...sections, "[[ ## completed ## ]]"].join("\n\n");
}

function asTags(fields: Fields): string {
  return Object.entries(fields)
    .map(([name, value]) => `<${name}>\n${textual(value)}\n</${name}>`)
    .join("\n\n");
}

const textual = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
