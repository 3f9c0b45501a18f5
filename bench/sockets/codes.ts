/** A short name for why a call failed: the innermost code among the causes, which is what the system said. */
export function codeOf(error: unknown): string {
  return codesOf(error, 0).at(-1) ?? nameOf(error);
}

function codesOf(error: unknown, depth: number): string[] {
  if (typeof error !== "object" || error === null || depth > 6) return [];
  const { code, cause, lastError, errors } = error as Record<string, unknown>;
  const inner = [lastError, cause, ...(Array.isArray(errors) ? errors : [])];
  return [...(typeof code === "string" ? [code] : []), ...inner.flatMap((one) => codesOf(one, depth + 1))];
}

/** Some hide the code; then what the message begins with must do. */
function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error).slice(0, 40);
  const system = /\bE[A-Z]{4,}\b/.exec(error.message)?.[0];
  return system ?? `${error.name}: ${error.message.split("\n")[0]!.slice(0, 40)}`;
}
