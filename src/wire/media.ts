import { TrunklineError } from "../core/errors.ts";
import type { MediaPart } from "../core/message.ts";

/** How the base64 of well-known formats begins. */
const signatures: readonly (readonly [string, string])[] = [
  ["iVBORw0", "image/png"],
  ["/9j/", "image/jpeg"],
  ["R0lGOD", "image/gif"],
  ["UklGR", "image/webp"],
  ["JVBERi", "application/pdf"],
];

/** A part as one address: its URL, or its bytes as a data URL. */
export function urlOf(part: MediaPart): string {
  const { data, url, mediaType } = part;
  if (url !== undefined) return url;
  const base64 = base64Of(data);
  if (base64.startsWith("data:")) return base64;
  return `data:${mediaType ?? sniff(base64, part.type)};base64,${base64}`;
}

export function base64Of(data: MediaPart["data"]): string {
  if (typeof data === "string") return data;
  if (data === undefined)
    throw new TrunklineError("bad_request", "a media part has neither `data` nor `url`");
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64");
}

function sniff(base64: string, kind: string): string {
  const found = signatures.find(([start]) => base64.startsWith(start));
  if (found !== undefined) return found[1];
  throw new TrunklineError(
    "bad_request",
    `the ${kind}'s format cannot be told from its bytes; give it a \`mediaType\``,
  );
}

const dataUrl = /^data:([\w.+/-]*)((?:;[\w.+=-]*)*),/i;

/** The part that an address stands for: base64 data URLs become bytes, every other address stays one. */
export function partOfUrl(type: MediaPart["type"], url: string, name?: string): MediaPart {
  const [head, mediaType, parameters] = dataUrl.exec(url.slice(0, 300)) ?? [];
  const named = name === undefined ? {} : { name };
  if (head === undefined || !parameters?.endsWith(";base64")) return { type, url, ...named };
  const data = url.slice(head.length);
  return mediaType ? { type, data, mediaType, ...named } : { type, data, ...named };
}

/** A part's bytes in base64 with their type, or its address. */
export type Source =
  | { readonly data: string; readonly mediaType: string; readonly url?: undefined }
  | { readonly url: string; readonly mediaType: string | undefined; readonly data?: undefined };

/** Where a part's content is, for wires that take bytes and addresses apart; data URLs are bytes. */
export function sourceOf(part: MediaPart): Source {
  const { data, url, mediaType } = takenApart(part);
  if (url !== undefined) return { url, mediaType };
  const base64 = base64Of(data);
  return { data: base64, mediaType: mediaType ?? sniff(base64, part.type) };
}

/** A part's bytes in base64, for wires that ask for no type; undefined where it is an address. */
export function bytesOf(part: MediaPart): string | undefined {
  const { data } = takenApart(part);
  return data === undefined ? undefined : base64Of(data);
}

/** The same part without a data URL. */
function takenApart(part: MediaPart): MediaPart {
  const given = part.url ?? part.data;
  if (typeof given !== "string" || !given.startsWith("data:")) return part;
  const inner = partOfUrl(part.type, given);
  const mediaType = part.mediaType ?? inner.mediaType;
  return mediaType === undefined ? inner : { ...inner, mediaType };
}
