import { wrongOption } from "../core/check.ts";

/** Something whose answers can be forgotten by scope. */
export interface Clearable {
  clear(scope?: string): Promise<void>;
}

/** A part of the cache by its name; fits where an option `cache: { scope }` is taken. */
export class CacheScope {
  readonly scope: string;
  readonly #cache: Clearable;

  constructor(cache: Clearable, name: string) {
    if (typeof name !== "string" || name === "") throw wrongOption("cache.scope", "a name", name);
    this.scope = name;
    this.#cache = cache;
  }

  /** Forgets the answers of this scope. */
  clear(): Promise<void> {
    return this.#cache.clear(this.scope);
  }
}
