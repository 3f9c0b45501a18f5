import type { Names } from "./names.ts";

/** A text in which to look for the answer. */
export interface Candidate {
  readonly text: string;
  /** Thoughts begin it that never end: only an answer that ends the text counts. */
  readonly mustEnd?: boolean;
}

const endTokens = ["im_end", "eot_id", "end", "return", "endoftext", "end_of_text"].map(
  (word) => `<|${word}|>`,
);
const opening = /^\s*(?:<(think|thinking|thought|reasoning)>|\[(THINK)\])/i;
const maxEnds = 8;

/** Whether thoughts begin an answer. */
export function beginsWithThoughts(answer: string): boolean {
  return opening.test(answer);
}

/**
 * What is left of an answer without what a template or a thinking model put around it: where to look, the likeliest
 * first.
 */
export function candidatesIn(answer: string, names: Names): readonly Candidate[] {
  const text = finalChannel(withoutEnds(answer));
  const [tag, word, bracket] = opening.exec(text) ?? [];
  const name = word ?? bracket;
  // A tag that is a field's own is the answer. Where only an end of thoughts is there, it may as well be content.
  if (name === undefined || names.find(name) !== undefined) return [{ text }, ...behind("</think>", text)];
  const rests = behind(word === undefined ? `[/${name}]` : `</${name}>`, text);
  return rests.length > 0 ? rests : [{ text: text.slice(tag!.length), mustEnd: true }];
}

function withoutEnds(answer: string): string {
  let text = (answer.charCodeAt(0) === 0xfeff ? answer.slice(1) : answer).trimEnd();
  for (;;) {
    const token = text.endsWith("|>") ? endTokens.find((word) => text.endsWith(word)) : undefined;
    if (token === undefined) return text;
    text = text.slice(0, -token.length).trimEnd();
  }
}

/** What follows each end of thoughts, which may speak of their own end. */
function behind(end: string, text: string): Candidate[] {
  const rests: Candidate[] = [];
  for (let at = text.indexOf(end); at !== -1 && rests.length < maxEnds; at = text.indexOf(end, at + 1)) {
    rests.push({ text: text.slice(at + end.length) });
  }
  return rests;
}

/** Of an answer in which gpt-oss's channels show, the final one. */
function finalChannel(text: string): string {
  if (text.includes("<|channel|>")) {
    const final = text.lastIndexOf("<|channel|>final<|message|>");
    return final === -1 ? "" : text.slice(final + "<|channel|>final<|message|>".length);
  }
  if (!text.startsWith("analysis")) return text;
  const final = text.lastIndexOf("assistantfinal");
  return final === -1 ? text : text.slice(final + "assistantfinal".length);
}
