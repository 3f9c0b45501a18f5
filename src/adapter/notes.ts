import { typeJson } from "../signature/json-schema.ts";
import { printType } from "../signature/print.ts";
import type { Field, FieldType } from "../signature/types.ts";
import { type View, viewOf } from "./view.ts";

/** What is given and what is asked for, as numbered lists: name, type, description. */
export function fieldList(inputs: readonly Field[], outputs: readonly Field[]): string {
  const given = inputs.length === 0 ? "" : `The fields you are given:\n${numbered(inputs)}\n\n`;
  return `${given}The fields you write:\n${numbered(outputs)}`;
}

function numbered(fields: readonly Field[]): string {
  return fields
    .map(({ name, type, description, optional }, i) => {
      const about = description === undefined ? "" : `: ${description}`;
      return `${i + 1}. \`${name}\` (${typeWord(type)}${optional ? ", may be left out" : ""})${about}`;
    })
    .join("\n");
}

function typeWord(type: FieldType): string {
  if (type.kind !== "schema") return printType(type);
  const { type: kind } = type.json;
  return typeof kind === "string" ? kind : "JSON";
}

const plainNotes: Readonly<Partial<Record<View["kind"], string>>> = {
  number: "a number and nothing else",
  int: "a whole number and nothing else",
  boolean: "true or false",
  null: "null",
};

/** What must be written for a field, where that is not just text. */
export function noteOf(field: Field): string | undefined {
  const note = typeNote(field.type);
  if (!field.optional) return note;
  return note === undefined ? "may be left out" : `${note}; may be left out`;
}

/** The same in brackets, for the end of a question, where it is short. */
export function hintOf(field: Field): string {
  const note = noteOf(field);
  if (note === undefined) return "";
  return ` (${note.length > maxHint ? "JSON, as described above" : note})`;
}

const maxHint = 120;

function typeNote(type: FieldType): string | undefined {
  if (type.kind === "schema" && saysMore(type.json)) return jsonNote(type);
  const view = viewOf(type);
  if (view.kind === "string") return undefined;
  const members = view.kind === "union" ? view.members : [view];
  const others = members.filter(({ kind }) => kind !== "null");
  const orNull = others.length < members.length && others.length > 0 ? ", or null" : "";
  const [first] = others;
  if (others.every(({ kind }) => kind === "literal")) {
    if (first === undefined) return plainNotes.null;
    const values = others.map((member) => (member.kind === "literal" ? String(member.value) : ""));
    return `${values.length > 1 ? "exactly one of: " : "exactly: "}${values.join(" | ")}${orNull}`;
  }
  if (others.length === 1 && first!.kind === "string") return `text${orNull}`;
  const plain = others.length === 1 ? plainNotes[first!.kind] : undefined;
  return plain === undefined ? jsonNote(type) : `${plain}${orNull}`;
}

/** Bounds, patterns and the like, which only the schema itself can tell. */
function saysMore(json: Readonly<Record<string, unknown>>): boolean {
  return Object.keys(json).some((key) => !["type", "enum", "const", "anyOf", "oneOf"].includes(key));
}

function jsonNote(type: FieldType): string {
  return `JSON that fits the schema ${JSON.stringify(typeJson(type))}`;
}
