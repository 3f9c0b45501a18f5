import type { Field, FieldType } from "./types.ts";

/** A field's type in the grammar's own words: one text for one type, however it was spelt. */
export function printType(type: FieldType): string {
  switch (type.kind) {
    case "literal":
      return typeof type.value === "string" ? quote(type.value) : String(type.value);
    case "array":
      return type.items.kind === "union" ? `(${printType(type.items)})[]` : `${printType(type.items)}[]`;
    case "map":
      return `dict[str, ${printType(type.values)}]`;
    case "union":
      return type.members.map(printType).join(" | ");
    case "shape":
      return `{ ${printFields(type.members)} }`;
    case "schema":
      return JSON.stringify(type.json);
    default:
      return type.kind;
  }
}

/** Fields as one side of a signature. */
export function printFields(fields: readonly Field[]): string {
  return fields.map(printField).join(", ");
}

function printField({ name, optional, type, description }: Field): string {
  const text = `${name}${optional ? "?" : ""}: ${printType(type)}`;
  return description === undefined ? text : `${text} ${quote(description)}`;
}

/**
 * In the quotes that the text does not hold. The grammar has no escapes, so a text that came from it never holds
 * both; one that did not has its double quotes replaced, for the eye.
 */
function quote(text: string): string {
  if (!text.includes("'")) return `'${text}'`;
  return `"${text.replaceAll('"', "'")}"`;
}
