/** The signs of JSON, with those that a full-width keyboard writes. */
export const marks = {
  opensObject: "{\uff5b",
  closesObject: "}\uff5d",
  opensList: "[\uff3b",
  closesList: "]\uff3d",
  comma: ",\uff0c",
  colon: ":\uff1a",
} as const;

const wholes = { closes: marks.closesObject + marks.closesList } as const;

export type Mark = keyof typeof marks | keyof typeof wholes;

const all: Readonly<Record<Mark, string>> = { ...marks, ...wholes };

/** Whether a sign stands at `at`. */
export function isMark(text: string, at: number, mark: Mark): boolean {
  return at < text.length && all[mark].includes(text[at]!);
}

/** The place behind blanks. */
export function behindSpace(text: string, at: number): number {
  let i = at;
  while (i < text.length && isSpace(text.charCodeAt(i))) i++;
  return i;
}

export function isSpace(code: number): boolean {
  return (
    code <= 32 || code === 0xa0 || code === 0xfeff || code === 0x3000 || (code >= 0x2000 && code <= 0x200b)
  );
}

/** The place behind blanks and comments. */
export function behindComments(text: string, at: number): number {
  let i = behindSpace(text, at);
  for (;;) {
    if (text.startsWith("//", i) || text[i] === "#") i = endOf(text, "\n", i);
    else if (text.startsWith("/*", i)) i = endOf(text, "*/", i);
    else return i;
    i = behindSpace(text, i);
  }
}

function endOf(text: string, mark: string, from: number): number {
  const at = text.indexOf(mark, from);
  return at === -1 ? text.length : at + mark.length;
}
