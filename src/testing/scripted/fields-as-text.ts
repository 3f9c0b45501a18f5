import { type Escapes, valueText } from "../../adapter/content.ts";
import { guard, guardJson } from "../../adapter/guard.ts";
import { encodeJsonXml, encodeXml } from "../../adapter/xml-text.ts";
import { textOf } from "../../core/message.ts";
import type { ChatRequest } from "../../core/request.ts";

type Fields = Readonly<Record<string, unknown>>;

/** As a model writes content that looks like its own form. */
const inSections: Escapes = { text: guard, json: guardJson };
const inTags: Escapes = { text: encodeXml, json: encodeJsonXml };

/** An answer's fields in the form that the request asks for: sections, tags, or one JSON object. */
export function fieldsAsText(fields: Fields, request: ChatRequest): string {
  // The rest of a prompt may hold anything.
  const asked = textOf(request.messages[0]?.content ?? "");
  const names = Object.keys(fields);
  if (names.some((name) => asked.includes(`[[ ## ${name} ## ]]`))) return asSections(fields);
  if (names.some((name) => asked.includes(`<${name}>`))) return asTags(fields);
  return guardJson(JSON.stringify(fields));
}

function asSections(fields: Fields): string {
  const sections = Object.entries(fields).map(
    ([name, value]) => `[[ ## ${name} ## ]]\n${valueText(value, name, inSections)}`,
  );
  return [...sections, "[[ ## completed ## ]]"].join("\n\n");
}

function asTags(fields: Fields): string {
  return Object.entries(fields)
    .map(([name, value]) => `<${name}>\n${valueText(value, name, inTags)}\n</${name}>`)
    .join("\n\n");
}
