import { canonical } from "../../core/json.ts";
import { file, image } from "../../signature/media.ts";
import type { FieldType } from "../../signature/types.ts";
import { isObject, type JsonObject } from "./json-data.ts";

/** A value that is written in another form than it has in a program; both ways give back what they do not know. */
interface Form {
  readonly write: (value: unknown) => unknown;
  readonly read: (value: unknown) => unknown;
}

type Way = keyof Form;

/** DSPy keeps pictures and files as parts of an OpenAI message, written as text between two marks. */
const start = "<<CUSTOM-TYPE-START-IDENTIFIER>>";
const end = "<<CUSTOM-TYPE-END-IDENTIFIER>>";

const forms: Readonly<Record<string, Form>> = {
  image: mediaForm(
    (part) => `[{"type": "image_url", "image_url": {"url": ${JSON.stringify(addressOf(part))}}}]`,
    ({ image_url }) => (isObject(image_url) ? image(image_url.url as string) : undefined),
  ),
  file: mediaForm(
    (part) => {
      const name = part.name === undefined ? "" : `, "filename": ${JSON.stringify(part.name)}`;
      return `[{"type": "file", "file": {"file_data": ${JSON.stringify(addressOf(part))}${name}}}]`;
    },
    ({ file: held }) =>
      isObject(held)
        ? file(held.file_data as string, held.filename ? { name: held.filename as string } : {})
        : undefined,
  ),
  history: {
    write: (value) => (Array.isArray(value) ? { messages: value } : value),
    read: (value) => (isObject(value) && Array.isArray(value.messages) ? value.messages : value),
  },
};

/** A part that DSPy's form would not bring back as it was is kept as it is. */
function mediaForm(
  blockOf: (part: JsonObject) => string,
  partOf: (block: JsonObject) => object | undefined,
): Form {
  const read = (value: unknown): unknown => {
    if (typeof value !== "string" || !value.startsWith(start) || !value.endsWith(end)) return value;
    try {
      return partOf(blockIn(value.slice(start.length, -end.length))) ?? value;
    } catch {
      return value;
    }
  };
  const write = (value: unknown): unknown => {
    if (!isObject(value)) return value;
    const part = value.data instanceof Uint8Array ? { ...value, data: base64(value.data) } : value;
    const text = `${start}${blockOf(part)}${end}`;
    return canonical(read(text)) === canonical(part) ? text : part;
  };
  return { write, read };
}

/** The one block of a list of them. Before 3.0 DSPy wrote it as Python does, in single quotes. */
function blockIn(text: string): JsonObject {
  const list = JSON.parse(text.startsWith("[{'") ? text.replaceAll("'", '"') : text);
  return list[0];
}

function addressOf({ url, data, mediaType }: JsonObject): string {
  return data === undefined ? String(url) : `data:${mediaType};base64,${data}`;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

/** A field's value in the form that DSPy keeps it in. */
export function toFile(type: FieldType, value: unknown): unknown {
  return converted(type, value, "write");
}

/** A field's value in the form that a program keeps it in. */
export function fromFile(type: FieldType, value: unknown): unknown {
  return converted(type, value, "read");
}

function converted(type: FieldType, value: unknown, way: Way): unknown {
  switch (type.kind) {
    case "array":
      return Array.isArray(value) ? value.map((item) => converted(type.items, item, way)) : value;
    case "map":
      return membersConverted(value, () => type.values, way);
    case "shape":
      return membersConverted(value, (name) => type.members.find((each) => each.name === name)?.type, way);
    case "union":
      return type.members.reduce((result, member) => converted(member, result, way), value);
    default:
      return Object.hasOwn(forms, type.kind) ? forms[type.kind]![way](value) : value;
  }
}

function membersConverted(
  value: unknown,
  typeOf: (name: string) => FieldType | undefined,
  way: Way,
): unknown {
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => {
      const type = typeOf(name);
      return [name, type === undefined ? member : converted(type, member, way)];
    }),
  );
}
