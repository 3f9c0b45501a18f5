import { checks, show, wrongOption } from "../core/check.ts";
import { TrunklineError } from "../core/errors.ts";
import { frozenCopy } from "../core/plain-copy.ts";
import type { ToolSpec } from "../core/request.ts";
import { type ReadyTool, readyTool, type Tools } from "./tool.ts";

/** The tools of an agent, by name. */
export class Toolbox {
  /** As the model is told of them, in the order they were given. */
  readonly specs: readonly ToolSpec[];
  readonly #tools = new Map<string, ReadyTool>();

  constructor(owner: string, tools: Tools, reserved: readonly string[] = []) {
    checkTools(owner, tools);
    for (const [given, name] of named(tools)) {
      const ready = readyTool(given, name);
      const isReserved = reserved.includes(ready.name);
      if (isReserved || this.#tools.has(ready.name)) {
        const why = isReserved ? `${owner} has one of that name itself` : "it is there twice";
        throw new TrunklineError("config", `${owner}: tools: ${show(ready.name)}: ${why}; rename it`);
      }
      this.#tools.set(ready.name, ready);
    }
    this.specs = frozenCopy([...this.#tools.values()].map(specOf), `${owner}: tools`);
  }

  get(name: string): ReadyTool | undefined {
    return this.#tools.get(name);
  }

  get names(): readonly string[] {
    return [...this.#tools.keys()];
  }
}

function specOf({ name, description, inputSchema }: ReadyTool): ToolSpec {
  return { name, ...(description !== undefined && { description }), inputSchema };
}

function named(tools: Tools): readonly (readonly [tool: unknown, name: unknown])[] {
  if (Array.isArray(tools)) return tools.map((given) => [given, given?.name]);
  return Object.entries(tools).map(([name, given]) => [given, name]);
}

/** A Map would be a record without members: an agent without tools, and nobody told. */
function checkTools(owner: string, tools: unknown): void {
  if (Array.isArray(tools)) return;
  if (checks.plainObject(tools) === undefined && !(Symbol.iterator in (tools as object))) return;
  throw wrongOption(`${owner}: tools`, "a list of tools, or a record of them by name", tools);
}

/** The toolboxes made of a list or record, so that agents made once a row share one. */
const boxes = new WeakMap<object, { readonly box: Toolbox; readonly of: readonly unknown[] }>();
const noTools = new Toolbox("tools", []);

/** The tools of one owner; the same for the same list or record, as long as that holds the same tools. */
export function toolboxOf(owner: string, tools: Tools | undefined): Toolbox {
  if (tools === undefined) return noTools;
  checkTools(owner, tools);
  const of = named(tools).flat();
  const before = boxes.get(tools);
  if (
    before !== undefined &&
    before.of.length === of.length &&
    before.of.every((each, i) => each === of[i])
  ) {
    return before.box;
  }
  const box = new Toolbox(owner, tools);
  boxes.set(tools, { box, of });
  return box;
}
