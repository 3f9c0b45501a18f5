import type { Field } from "./types.ts";

/** The instructions of a signature that has none of its own, in DSPy's words. */
export function defaultInstructions(inputs: readonly Field[], outputs: readonly Field[]): string {
  const list = (fields: readonly Field[]): string => fields.map(({ name }) => `\`${name}\``).join(", ");
  return inputs.length === 0
    ? `Produce the fields ${list(outputs)}.`
    : `Given the fields ${list(inputs)}, produce the fields ${list(outputs)}.`;
}

/**
 * A field's name as DSPy writes it in its state files: words apart, with capitals, and a colon.
 *
 * ```ts
 * prefixOf("finalAnswer2"); // "Final Answer 2:"
 * ```
 */
export function prefixOf(name: string): string {
  const words = name
    .replace(/(.)([A-Z][a-z]+)/g, "$1_$2")
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replace(/([a-zA-Z])(\d)/g, "$1_$2")
    .replace(/(\d)([a-zA-Z])/g, "$1_$2")
    .split("_");
  return `${words.map(capitalized).join(" ")}:`;
}

/** Acronyms stay as they are. */
function capitalized(word: string): string {
  const isUpper = word === word.toUpperCase() && word !== word.toLowerCase();
  return isUpper ? word : word.charAt(0).toUpperCase() + word.slice(1).toLowerCase();
}

/** A text without the indentation of the source it was written in: as Python cleans the docstring of a class. */
export function withoutIndentation(text: string): string {
  const [first = "", ...rest] = text.split("\n");
  const indents = rest
    .filter((line) => line.trim() !== "")
    .map((line) => line.length - line.trimStart().length);
  const margin = indents.length === 0 ? 0 : Math.min(...indents);
  const lines = [first.trimStart(), ...rest.map((line) => line.slice(margin))];
  return lines.join("\n").replace(/^\n+/, "").trimEnd();
}
