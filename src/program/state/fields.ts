import { canonical } from "../../core/json.ts";
import { typeJson } from "../../signature/json-schema.ts";
import { parseType } from "../../signature/parse.ts";
import { printType } from "../../signature/print.ts";
import type { Signature } from "../../signature/signature.ts";
import type { Field, FieldType } from "../../signature/types.ts";
import { prefixOf } from "../../signature/words.ts";

/** A field as DSPy saves it: neither name nor type, only what prompts once showed of it. */
export interface DSPyField {
  readonly prefix: string;
  readonly description: string;
}

/** What DSPy leaves out. A type is a text of the signature grammar, or a JSON Schema where a library checks it. */
export interface SavedField {
  readonly name: string;
  readonly type: string | Readonly<Record<string, unknown>>;
  readonly optional?: true;
}

/** Inputs, then outputs: DSPy's order. */
export function fieldsOf(signature: Signature<unknown, unknown>): readonly Field[] {
  return [...signature.inputs, ...signature.outputs];
}

/** A field as DSPy writes it; one without a description gets its name as a placeholder. */
export function dspyField({ name, description }: Field): DSPyField {
  return { prefix: prefixOf(name), description: description ?? `\${${name}}` };
}

/** The field name in a description that says nothing else. */
export function placeholder(description: string): string | undefined {
  return /^\$\{(\w+)\}$/.exec(description)?.[1];
}

export function savedField({ name, type, optional }: Field): SavedField {
  const saved = { name, type: type.kind === "schema" ? type.json : printType(type) };
  return optional ? { ...saved, optional } : saved;
}

/** A field for people: `name?: type`. */
export function fieldText({ name, type, optional }: SavedField): string {
  const text = typeof type === "string" ? type : JSON.stringify(type);
  return `"${name}${optional ? "?" : ""}: ${text.length > 80 ? `${text.slice(0, 80)}...` : text}"`;
}

/** Whether a saved field is the same as one of a program, however its type is spelt. */
export function isSameField(saved: SavedField, field: Field): boolean {
  return (
    saved.name === field.name &&
    (saved.optional === true) === field.optional &&
    isSameType(saved.type, field.type)
  );
}

function isSameType(saved: SavedField["type"], type: FieldType): boolean {
  if (typeof saved !== "string") return canonical(saved) === canonical(typeJson(type));
  const read = typeOf(saved);
  if (read === undefined) return false;
  return type.kind === "schema"
    ? canonical(typeJson(read)) === canonical(type.json)
    : printType(read) === printType(type);
}

function typeOf(text: string): FieldType | undefined {
  try {
    return parseType(text).type;
  } catch {
    return undefined;
  }
}
