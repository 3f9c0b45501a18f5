/** `finalAnswer`, `final_answer` and `FinalAnswer` are one name to people. */
function folded(name: string): string {
  return name.replaceAll("_", "").toLowerCase();
}

/** Whether two names are the same but for camel case and underscores. */
export function isSameName(a: string, b: string): boolean {
  return folded(a) === folded(b);
}

/**
 * Which of `ours` each of `theirs` means: the same name, else, for `folding`, the only one that differs by camel case
 * and underscores alone. What means none, or could mean several, is left out.
 */
export function matchNames(
  theirs: readonly string[],
  ours: readonly string[],
  folding: boolean,
): ReadonlyMap<string, string> {
  const exact = new Set(ours.filter((name) => theirs.includes(name)));
  const matched = new Map([...exact].map((name) => [name, name]));
  if (!folding) return matched;
  const ourFree = byFold(ours.filter((name) => !exact.has(name)));
  for (const [fold, names] of byFold(theirs.filter((name) => !exact.has(name)))) {
    const meant = ourFree.get(fold);
    if (names.length === 1 && meant?.length === 1) matched.set(names[0]!, meant[0]!);
  }
  return matched;
}

function byFold(names: readonly string[]): Map<string, string[]> {
  const folds = new Map<string, string[]>();
  for (const name of names) {
    const fold = folded(name);
    const known = folds.get(fold);
    if (known === undefined) folds.set(fold, [name]);
    else known.push(name);
  }
  return folds;
}
