/** The middle of `values`; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  if (sorted.length === 0) return Number.NaN;
  if (!Number.isInteger(middle)) return sorted[Math.floor(middle)]!;
  return (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The median of each number that all of `samples` have. */
export function medians<K extends string>(
  samples: readonly Readonly<Record<K, number>>[],
): Record<K, number> {
  const names = Object.keys(samples[0] ?? {}) as K[];
  const of = (name: K): number => median(samples.map((sample) => sample[name]));
  return Object.fromEntries(names.map((name) => [name, of(name)])) as Record<K, number>;
}
