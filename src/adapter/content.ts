import { TrunklineError } from "../core/errors.ts";
import type { MediaPart, Part } from "../core/message.ts";
import type { FieldType } from "../signature/types.ts";
import { sendable } from "./guard.ts";

/** How text gets into a prompt so that it stays content. */
export interface Escapes {
  readonly text: (text: string) => string;
  readonly json: (json: string) => string;
}

/** A value as the prompt shows it: texts as they are, everything else as JSON on one line. */
export function valueText(value: unknown, name: string, { text, json }: Escapes): string {
  return typeof value === "string" ? text(value) : json(jsonText(value, name));
}

/** A value as JSON, or an error that names its field. */
export function jsonText(value: unknown, name: string): string {
  try {
    return JSON.stringify(value) ?? "null";
  } catch (cause) {
    throw new TrunklineError("signature", `inputs: ${name} cannot be written as JSON; pass plain data`, {
      cause,
    });
  }
}

/** Whether values of a type may hold images or files. */
export function holdsMedia(type: FieldType): boolean {
  switch (type.kind) {
    case "image":
    case "file":
      return true;
    case "array":
      return holdsMedia(type.items);
    case "map":
      return holdsMedia(type.values);
    case "union":
      return type.members.some(holdsMedia);
    case "shape":
      return type.members.some((member) => holdsMedia(member.type));
    default:
      return false;
  }
}

/** The content of one message: text, with images and files in their places. */
export class Content {
  readonly #parts: Part[] = [];
  #text = "";

  add(text: string): void {
    this.#text += text;
  }

  /** A value whose type may hold media: JSON around them, so that each stands where it belongs. */
  addValue(value: unknown, name: string, escapes: Escapes): void {
    if (isMedia(value)) this.#media(value);
    else if (Array.isArray(value)) this.#list(value, name, escapes);
    else if (isObject(value)) this.#members(value, name, escapes);
    else this.add(valueText(value, name, escapes));
  }

  /** A plain text where nothing but text was added. */
  done(): string | readonly Part[] {
    this.#text = this.#text.trimEnd();
    if (this.#parts.length === 0) return sendable(this.#text);
    this.#endText();
    return this.#parts;
  }

  #list(items: readonly unknown[], name: string, escapes: Escapes): void {
    this.add("[");
    for (const [i, item] of items.entries()) {
      if (i > 0) this.add(",");
      this.#inside(item, name, escapes);
    }
    this.add("]");
  }

  #members(value: Readonly<Record<string, unknown>>, name: string, escapes: Escapes): void {
    this.add("{");
    let comma = "";
    for (const [key, member] of Object.entries(value)) {
      if (member === undefined) continue;
      this.add(`${comma}${escapes.json(JSON.stringify(key))}:`);
      this.#inside(member, name, escapes);
      comma = ",";
    }
    this.add("}");
  }

  /** Inside JSON texts are quoted. */
  #inside(value: unknown, name: string, escapes: Escapes): void {
    if (typeof value === "object" && value !== null) this.addValue(value, name, escapes);
    else this.add(escapes.json(jsonText(value, name)));
  }

  #media(part: MediaPart): void {
    this.#endText();
    this.#parts.push(part);
  }

  #endText(): void {
    if (this.#text !== "") this.#parts.push({ type: "text", text: sendable(this.#text) });
    this.#text = "";
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function isMedia(value: unknown): value is MediaPart {
  if (!isObject(value) || (value.type !== "image" && value.type !== "file")) return false;
  return (value.data === undefined) !== (value.url === undefined);
}
