import type { Field } from "../signature/types.ts";

/** A name without what models are careless about: case, `_`, `-` and blanks. */
export function loosely(name: string): string {
  return name.toLowerCase().replace(/[-_\s]/g, "");
}

/** The names that a text may mean, exactly or loosely where that is unique. */
export class Names {
  readonly all: ReadonlySet<string>;
  readonly #loose = new Map<string, string | undefined>();

  constructor(names: readonly string[]) {
    this.all = new Set(names);
    for (const name of names) {
      const key = loosely(name);
      this.#loose.set(key, this.#loose.has(key) ? undefined : name);
    }
  }

  /** The name that is meant, or nothing. */
  find(word: string): string | undefined {
    return this.all.has(word) ? word : this.#loose.get(loosely(word));
  }
}

export function namesOf(fields: readonly Pick<Field, "name">[]): Names {
  return new Names(fields.map(({ name }) => name));
}
