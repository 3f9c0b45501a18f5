/** A text as the inside of a tag. */
export function encodeXml(text: string): string {
  return /[<&]/.test(text) ? text.replaceAll("&", "&amp;").replaceAll("<", "&lt;") : text;
}

/** JSON as the inside of a tag, which stays JSON. */
export function encodeJsonXml(json: string): string {
  return /[<&]/.test(json) ? json.replaceAll("&", "\\u0026").replaceAll("<", "\\u003c") : json;
}

const named: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
const entity = /&(?:(amp|lt|gt|quot|apos)|#(\d{1,7})|#[xX]([\da-fA-F]{1,6}));/g;

/**
 * The text that the inside of a tag means. One that holds a bare `<` or `&` was not encoded, so it is taken as it
 * is: some models write markup and code into tags without a thought, others encode all of it.
 */
export function decodeXml(inside: string): string {
  const [, data] = /^\s*<!\[CDATA\[(.*)\]\]>\s*$/s.exec(inside) ?? [];
  if (data !== undefined) return data;
  if (!inside.includes("&") || inside.includes("<")) return inside;
  if (inside.replace(entity, "").includes("&")) return inside;
  return inside.replace(entity, (all, name?: string, decimal?: string, hex?: string) => {
    if (name !== undefined) return named[name]!;
    const code = decimal === undefined ? Number.parseInt(hex!, 16) : Number(decimal);
    return code <= 0x10ffff ? String.fromCodePoint(code) : all;
  });
}

interface Element {
  readonly name: string;
  /** Decoded, unless tags are inside. */
  readonly text: string;
}

const opening = /\s*<([\p{ID_Start}_][\p{ID_Continue}.-]*)(\s[^<>]*)?>/uy;

/** The elements of a text that holds nothing else. */
export function elementsIn(text: string): readonly Element[] | undefined {
  const elements: Element[] = [];
  for (let at = 0; at < text.length; ) {
    opening.lastIndex = at;
    const [tag, name] = opening.exec(text) ?? [];
    if (tag === undefined) return undefined;
    const start = at + tag.length;
    const end = closingOf(text, name!, start);
    if (end === -1) return undefined;
    const inside = text.slice(start, end);
    elements.push({
      name: name!,
      text: /^\s*<[\p{ID_Start}_]/u.test(inside) ? inside : decodeXml(inside).trim(),
    });
    const behind = text.indexOf(">", end) + 1;
    at = behind + /^\s*/.exec(text.slice(behind))![0].length;
  }
  return elements.length === 0 ? undefined : elements;
}

/** Where the end tag of an element begins, others of its name inside it passed over. */
function closingOf(text: string, name: string, from: number): number {
  let open = 1;
  for (let at = text.indexOf("<", from); at !== -1; at = text.indexOf("<", at + 1)) {
    const isEnd = text[at + 1] === "/";
    const start = isEnd ? at + 2 : at + 1;
    if (!text.startsWith(name, start) || !/^[\s>]/.test(text.charAt(start + name.length))) continue;
    open += isEnd ? -1 : 1;
    if (open === 0) return at;
  }
  return -1;
}
