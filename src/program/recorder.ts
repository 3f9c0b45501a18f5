import type { Completion } from "../core/completion.ts";
import { Names } from "./names.ts";
import { type ModuleLike, nameOf } from "./own.ts";
import { Tally } from "./tally.ts";
import { Trace } from "./trace.ts";
import type { TraceEntry, TraceTool } from "./trace-data.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** What is known of a predictor's call so far; its caller fills it in as the call goes on. */
export type OpenEntry = Mutable<Omit<TraceEntry, "predictor">>;
export type OpenTool = Mutable<TraceTool>;

/** Calls that one trace lists; more are counted. */
const mostListed = 100_000;

/** Takes down what happens in one run. One inside another writes into both, each with its own names. */
export class Recorder {
  readonly #names: Names;
  readonly #outer: Recorder | undefined;
  /** The module's call of the outer recorder that this run is inside of. */
  readonly #base: number | undefined;
  readonly #count: { last: number };
  readonly #entries: { readonly asker: object; readonly facts: OpenEntry }[] = [];
  readonly #modules: { readonly module: ModuleLike; readonly id: number; readonly parent?: number }[] = [];
  readonly #tools: OpenTool[] = [];
  readonly #tally = new Tally();
  #dropped = 0;

  constructor(root?: ModuleLike, outer?: Recorder, base?: number) {
    this.#names = new Names(root);
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

  trace(): Trace {
    const { usage, cost } = this.#tally;
    return new Trace({
      entries: this.#entries.map(({ asker, facts }) => {
        const { id, parent, ...rest } = facts;
        return Object.freeze({ id, predictor: this.#names.of(asker), ...rest, ...this.#parent(parent) });
      }),
      modules: this.#modules.map(({ module, ...rest }) =>
        Object.freeze({ ...rest, name: this.#names.of(module), type: nameOf(module) }),
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
}
