import type { Completion } from "../core/completion.ts";
import { type ModuleLike, nameOf } from "./own.ts";
import { isPredictor, modulesOf } from "./predictors.ts";
import { Tally } from "./tally.ts";
import { Trace, type TraceEntry, type TraceTool } from "./trace.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** What is known of a predictor's call so far; its caller fills it in as the call goes on. */
export type OpenEntry = Mutable<Omit<TraceEntry, "predictor">>;
export type OpenTool = Mutable<TraceTool>;

/** Calls that one trace lists; more are counted. */
const mostListed = 100_000;

/** Takes down what happens in one run. One inside another writes into both, each with its own names. */
export class Recorder {
  readonly #root: ModuleLike | undefined;
  readonly #outer: Recorder | undefined;
  /** The module's call of the outer recorder that this run is inside of. */
  readonly #base: number | undefined;
  readonly #count: { last: number };
  readonly #entries: { readonly asker: object; readonly facts: OpenEntry }[] = [];
  readonly #modules: { readonly module: ModuleLike; readonly id: number; readonly parent?: number }[] = [];
  readonly #tools: OpenTool[] = [];
  readonly #tally = new Tally();
  #names: Map<object, string> | undefined;
  #dropped = 0;

  constructor(root?: ModuleLike, outer?: Recorder, base?: number) {
    this.#root = root;
    this.#outer = outer;
    this.#base = base;
    this.#count = outer === undefined ? { last: 0 } : outer.#count;
  }

  /** A module's call begins; its id is the parent of what it does. */
  module(module: ModuleLike, parent: number | undefined): number {
    const id = ++this.#count.last;
    for (const each of this.#chain()) {
      if (each.#hasRoom()) each.#modules.push({ module, id, ...each.#parent(parent) });
    }
    return id;
  }

  /** A predictor's call begins. */
  predictor(asker: object, facts: Omit<OpenEntry, "id" | "parent">, parent: number | undefined): OpenEntry {
    const entry: OpenEntry = { id: ++this.#count.last, ...facts, ...(parent !== undefined && { parent }) };
    for (const each of this.#chain()) if (each.#hasRoom()) each.#entries.push({ asker, facts: entry });
    return entry;
  }

  /** A tool's call begins. */
  tool(name: string, given: TraceTool["arguments"], parent: number | undefined): OpenTool {
    const tool: OpenTool = {
      id: ++this.#count.last,
      name,
      arguments: given,
      ...(parent !== undefined && { parent }),
    };
    for (const each of this.#chain()) if (each.#hasRoom()) each.#tools.push(tool);
    return tool;
  }

  /** An LM answered. */
  answered(answer: Completion): void {
    this.#tally.add(answer);
  }

  /** The name of a predictor or a module: its path in the root, else its class and a number of its own. */
  nameOf(asker: object): string {
    this.#names ??= this.#walk();
    let name = this.#names.get(asker);
    if (name === undefined) {
      // It may have been made meanwhile.
      for (const [module, path] of this.#walk()) if (!this.#names.has(module)) this.#names.set(module, path);
      name = this.#names.get(asker) ?? `${nameOf(asker)}#${this.#names.size}`;
      this.#names.set(asker, name);
    }
    return name;
  }

  trace(): Trace {
    const { usage, cost } = this.#tally;
    return new Trace({
      entries: this.#entries.map(({ asker, facts }) => {
        const { id, parent, ...rest } = facts;
        return Object.freeze({ id, predictor: this.nameOf(asker), ...rest, ...this.#parent(parent) });
      }),
      modules: this.#modules.map(({ module, ...rest }) =>
        Object.freeze({ ...rest, name: this.nameOf(module), type: nameOf(module) }),
      ),
      tools: this.#tools.map(({ parent, ...rest }) => Object.freeze({ ...rest, ...this.#parent(parent) })),
      usage,
      ...(cost && { cost }),
      dropped: this.#dropped,
    });
  }

  *#chain(): Generator<Recorder> {
    for (let each: Recorder | undefined = this; each !== undefined; each = each.#outer) yield each;
  }

  #hasRoom(): boolean {
    const has = this.#entries.length + this.#modules.length + this.#tools.length < mostListed;
    if (!has) this.#dropped++;
    return has;
  }

  #parent(parent: number | undefined): { parent?: number } {
    return parent === undefined || parent === this.#base ? {} : { parent };
  }

  #walk(): Map<object, string> {
    const names = new Map<object, string>();
    if (this.#root === undefined) return names;
    for (const { path, module } of modulesOf(this.#root)) {
      names.set(module, path === "" && isPredictor(module) ? "self" : path);
    }
    return names;
  }
}
