/** What stands for an output that a demo has not. */
export const leftOut = "(left out of this example)";

/** Whether a text is what the prompt shows in the place of a value, and no value. */
export function isTemplate(name: string, text: string): boolean {
  if (text === leftOut) return true;
  return (
    text.startsWith("{") && text.startsWith(`{${name}}`) && /^(?:\s*#.*)?$/s.test(text.slice(name.length + 2))
  );
}
