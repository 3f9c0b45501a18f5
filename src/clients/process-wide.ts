/**
 * The one thing of its name in this process, made on first use. Two copies of the package, or two versions with
 * one number in the name, find the same; the number changes with the thing's shape.
 */
export function processWide<T extends object>(name: string, make: () => T): T {
  const home = globalThis as unknown as Record<symbol, T | undefined>;
  const symbol = Symbol.for(`trunkline.${name}`);
  const known = home[symbol];
  if (known !== undefined) return known;
  const made = make();
  // Not enumerable: whoever walks over globalThis should not find a registry full of keys.
  Object.defineProperty(home, symbol, { value: made, configurable: true });
  return made;
}
