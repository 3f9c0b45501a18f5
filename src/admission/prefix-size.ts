/** From how many tokens on a provider caches a prefix, by the name of the model; the first that fits holds. */
const families: readonly (readonly [RegExp, number])[] = [
  [/claude-(opus|fable|mythos)-5/, 512],
  [/claude-opus-4[.-][56]/, 4_096],
  [/claude-opus-4[.-]7/, 2_048],
  [/claude-haiku-4/, 4_096],
  [/claude-(3[.-]5-haiku|haiku-3|3-haiku)/, 2_048],
  [/gemini-[\d.]+-pro/, 4_096],
];
const usual = 1_024;

export function smallestPrefix(model: string): number {
  return families.find(([family]) => family.test(model))?.[1] ?? usual;
}
