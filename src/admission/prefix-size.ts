/** What a provider keeps of a prompt's beginning, as its pages said in November 2026; by the name of the model. */
interface Habit {
  /** From how many tokens on it is kept. */
  readonly least: number;
  /** For how long after its last use. */
  readonly lifetimeMs: number;
}

export const usualLifetimeMs = 300_000;

const usual: Habit = { least: 1_024, lifetimeMs: usualLifetimeMs };

/** The first that fits holds. */
const families: readonly (readonly [RegExp, Partial<Habit>])[] = [
  [/claude-(opus|fable|mythos)-5/, { least: 512 }],
  [/claude-opus-4[.-][56]/, { least: 4_096 }],
  [/claude-opus-4[.-]7/, { least: 2_048 }],
  [/claude-haiku-4/, { least: 4_096 }],
  [/claude-(3[.-]5-haiku|haiku-3|3-haiku)/, { least: 2_048 }],
  [/gemini-2[.]5/, { least: 2_048 }],
  [/gemini-[3-9]/, { least: 4_096 }],
  [/gpt-(5\.([6-9]|\d\d)|[6-9])/, { lifetimeMs: 1_800_000 }],
];

function habitOf(model: string): Habit {
  return { ...usual, ...families.find(([family]) => family.test(model))?.[1] };
}

/** From how many tokens on a provider keeps a prefix. */
export function smallestPrefix(model: string): number {
  return habitOf(model).least;
}

/** How long a provider keeps a prefix that nobody uses. */
export function prefixLifetime(model: string): number {
  return habitOf(model).lifetimeMs;
}
