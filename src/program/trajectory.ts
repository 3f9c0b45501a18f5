/** One step of a ReAct program: what it thought, the tool it took, and what came of it. */
export interface ReActStep {
  readonly thought: string;
  readonly tool: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  /** What the model saw of the tool's result. */
  readonly observation: string;
  /** Set where the tool failed or could not be called; the observation says it, too. */
  readonly error?: string;
}

/**
 * Steps as the text that a prompt shows, from the `first` on. Each step's number begins its lines, and what follows a
 * line break is indented, so that no observation can look like a step.
 */
export function trajectoryText(steps: readonly ReActStep[], first: number): string {
  const shown = steps.slice(first).map((step, i) => {
    const head = `[${first + i + 1}]`;
    const call = `${step.tool} ${JSON.stringify(step.arguments)}`;
    return [
      `${head} thought: ${indented(step.thought)}`,
      `${head} tool: ${indented(call)}`,
      `${head} observation: ${indented(step.observation)}`,
    ].join("\n");
  });
  if (first > 0) shown.unshift(`(${first} earlier steps are left out)`);
  return shown.join("\n\n");
}

const indented = (text: string): string => text.replace(/\r\n?|[\n\u2028\u2029]/g, "\n    ");
