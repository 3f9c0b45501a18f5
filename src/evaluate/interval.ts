/** Where the true mean lies with 95 % confidence, and how that was found. */
export interface Interval {
  readonly low: number;
  readonly high: number;
  /** "wilson" where every score is 0 or 1, "student-t" elsewhere. */
  readonly method: "wilson" | "student-t";
}

/** The two-sided 95 % point of the normal distribution. */
const z = 1.959963984540054;

/**
 * The 95 % interval of the mean. Scores of 0 and 1 alone are a share, whose interval (Wilson's) stays inside 0 and 1
 * and says something of a single row too; for others it is Student's, which needs two.
 */
export function intervalOf(scores: readonly number[]): Interval | undefined {
  const n = scores.length;
  if (n === 0) return undefined;
  const mean = meanOf(scores);
  if (scores.every((score) => score === 0 || score === 1)) return wilson(mean, n);
  if (n === 1) return undefined;
  const squares = scores.reduce((sum, score) => sum + (score - mean) ** 2, 0);
  const half = studentT(n - 1) * Math.sqrt(squares / (n - 1) / n);
  return { low: mean - half, high: mean + half, method: "student-t" };
}

/** The mean: 22 of 50 is 0.44. Scores whose sum is too large for a number are averaged step by step. */
export function meanOf(scores: readonly number[]): number {
  const sum = scores.reduce((total, score) => total + score, 0);
  return Number.isFinite(sum)
    ? sum / scores.length
    : scores.reduce((mean, score, i) => mean + (score - mean) / (i + 1), 0);
}

function wilson(share: number, n: number): Interval {
  const whole = 1 + z ** 2 / n;
  const middle = share + z ** 2 / (2 * n);
  const half = z * Math.sqrt((share * (1 - share)) / n + z ** 2 / (4 * n ** 2));
  // The share lies inside, and a rounding error in the last digit does not put it out.
  const low = Math.max(0, Math.min(share, (middle - half) / whole));
  const high = Math.min(1, Math.max(share, (middle + half) / whole));
  return { low, high, method: "wilson" };
}

/** The two-sided 95 % points of Student's distribution for 1 to 10 degrees of freedom. */
const smallT = [
  12.70620474, 4.30265273, 3.18244631, 2.77644511, 2.57058184, 2.44691185, 2.36462425, 2.30600414, 2.26215716,
  2.22813885,
];

/** For more, the expansion about the normal distribution (Cornish and Fisher), exact to five places there. */
function studentT(freedom: number): number {
  const known = smallT[freedom - 1];
  if (known !== undefined) return known;
  const terms = [
    (z ** 3 + z) / 4,
    (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96,
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384,
    (79 * z ** 9 + 776 * z ** 7 + 1482 * z ** 5 - 1920 * z ** 3 - 945 * z) / 92_160,
  ];
  return terms.reduce((sum, term, i) => sum + term / freedom ** (i + 1), z);
}
