import { show } from "../core/check.ts";
import { TrunklineError } from "../core/errors.ts";
import type { MediaPart, Message } from "../core/message.ts";

/** A picture, as a field's value or inside a message. */
export interface ImagePart extends MediaPart {
  readonly type: "image";
}

/** A document or any other file, as a field's value or inside a message. */
export interface FilePart extends MediaPart {
  readonly type: "file";
}

/** Earlier turns of a conversation: each the fields of one exchange, or a message as it was. */
export type History = readonly (Readonly<Record<string, unknown>> | Message)[];

/** What can be told of media that their source does not tell. */
export interface MediaOptions {
  /** Such as "image/png"; found from the first bytes or the data URL where it is left out. */
  readonly mediaType?: string;
  readonly name?: string;
}

/**
 * A picture for an `image` field or a message: its bytes, its address, or a `data:` URL.
 *
 * ```ts
 * const Caption = signature("photo: image -> caption");
 * const inputs = { photo: image("https://example.com/cat.png") };
 * ```
 */
export function image(source: string | URL | Uint8Array, options: MediaOptions = {}): ImagePart {
  return part("image", source, options);
}

/** A file for a `file` field or a message: its bytes, its address, or a `data:` URL. */
export function file(source: string | URL | Uint8Array, options: MediaOptions = {}): FilePart {
  return part("file", source, options);
}

function part<T extends "image" | "file">(
  type: T,
  source: string | URL | Uint8Array,
  { mediaType, name }: MediaOptions,
): MediaPart & { readonly type: T } {
  const found = source instanceof Uint8Array ? fromBytes(type, source, mediaType) : fromAddress(type, source);
  return Object.freeze({
    type,
    ...found,
    ...(mediaType !== undefined && { mediaType }),
    ...(name !== undefined && { name }),
  });
}

function fromAddress(type: string, source: string | URL): Pick<MediaPart, "url" | "data" | "mediaType"> {
  const address = String(source);
  const [head, mediaType, data] = /^data:([^;,]+)(?:;[^;,]+)*;base64,(.+)$/s.exec(address) ?? [];
  if (head !== undefined) return { data: data!, mediaType: mediaType! };
  if (/^(?:https?|gs):\/\//i.test(address)) return { url: address };
  throw new TrunklineError(
    "signature",
    `${type}: expected bytes, an http(s) address or a base64 data: URL, got ${typeof source === "string" ? "another string" : show(source)}; read files yourself and pass their bytes`,
  );
}

/** The first bytes of what models commonly read. */
const marks: readonly (readonly [RegExp, string])[] = [
  [/^\x89PNG/, "image/png"],
  [/^\xff\xd8\xff/, "image/jpeg"],
  [/^GIF8/, "image/gif"],
  [/^RIFF.{4}WEBP/s, "image/webp"],
  [/^%PDF-/, "application/pdf"],
];

function fromBytes(
  type: string,
  data: Uint8Array,
  given: string | undefined,
): Pick<MediaPart, "data" | "mediaType"> {
  const start = String.fromCharCode(...data.subarray(0, 12));
  const mediaType = given ?? marks.find(([mark]) => mark.test(start))?.[1];
  if (mediaType === undefined) {
    throw new TrunklineError("signature", `${type}: its first bytes tell no known type; pass { mediaType }`);
  }
  return { data, mediaType };
}
