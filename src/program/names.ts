import { type ModuleLike, nameOf } from "./own.ts";
import { isPredictor, modulesOf } from "./predictors.ts";

/**
 * What the modules of a run are called: by their paths in the module that runs. One that is not found there has its
 * class and a number of its own, so that twins are told apart.
 */
export class Names {
  readonly #root: ModuleLike | undefined;
  readonly #known = new Map<object, string>();
  #strangers = 0;

  constructor(root: ModuleLike | undefined) {
    this.#root = root;
  }

  of(module: object): string {
    const known = this.#known.get(module);
    if (known !== undefined) return known;
    // Looked for anew: a program may make modules while it runs.
    this.#walk();
    const name = this.#known.get(module) ?? `${nameOf(module)}#${++this.#strangers}`;
    this.#known.set(module, name);
    return name;
  }

  #walk(): void {
    if (this.#root === undefined) return;
    for (const { path, module } of modulesOf(this.#root)) {
      if (!this.#known.has(module))
        this.#known.set(module, path === "" && isPredictor(module) ? "self" : path);
    }
  }
}
