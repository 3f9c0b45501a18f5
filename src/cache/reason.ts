/** What somebody's error says of itself. It may be anything, with members that throw; whoever tells of it must not fail. */
export function reasonOf(error: unknown): string {
  try {
    return String(error instanceof Error ? error.message : error);
  } catch {
    return "an error that cannot be read";
  }
}
