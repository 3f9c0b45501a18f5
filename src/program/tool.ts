import type { StandardSchemaV1 } from "@standard-schema/spec";
import { checks, wrongOption } from "../core/check.ts";
import { isTrunklineError, TrunklineError } from "../core/errors.ts";
import { frozenCopy } from "../core/plain-copy.ts";
import { inputJson, isSchema } from "../signature/schema.ts";
import type { JsonSchema, StandardSchema } from "../signature/types.ts";

/** What a tool is told beside its arguments. */
export interface ToolContext {
  /** Aborts when the tool's time is up, and when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
  /** The same signal, under the name that AI SDK tools look for. */
  readonly abortSignal: AbortSignal;
  /** The id that the model gave this call. */
  readonly toolCallId: string;
}

/** The arguments a tool gets: what a schema makes of them, or an object where only a JSON Schema is known. */
export type ToolArguments<S> = S extends StandardSchemaV1
  ? StandardSchemaV1.InferOutput<S>
  : S extends { readonly _type: infer T }
    ? T
    : Readonly<Record<string, unknown>>;

/** A tool: what the model is told of it, and what it does. */
export interface Tool<S = unknown, R = unknown> {
  readonly name: string;
  readonly description?: string;
  /** A schema of zod, valibot or arktype, a JSON Schema, or `{ jsonSchema }` as the AI SDK wraps one. */
  readonly inputSchema: S;
  /** Milliseconds until a call is given up and the model is told so. Default 60,000. */
  readonly timeout?: number;
  readonly execute: (input: ToolArguments<S>, context: ToolContext) => R;
}

/** A tool of whatever origin. In a record its key is its name. */
export interface AnyTool {
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly inputSchema: unknown;
  readonly timeout?: number | undefined;
  readonly execute?: ((input: never, context: never) => unknown) | undefined;
}

/** Tools as a list, or as a record whose keys are their names. */
export type Tools = readonly AnyTool[] | Readonly<Record<string, AnyTool>>;

/**
 * A tool that a model may call. The arguments are checked against the schema before `execute` sees them; what it
 * returns goes back to the model as JSON (a text as it is), what it throws as an error the model can answer to.
 *
 * ```ts
 * const weather = tool({
 *   name: "weather",
 *   description: "The weather of a city, now.",
 *   inputSchema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
 *   async execute({ city }, { signal }) {
 *     const response = await fetch(`https://weather.example/${city}`, { signal });
 *     return response.json();
 *   },
 * });
 * ```
 */
export function tool<const S extends object, R>(options: Tool<S, R>): Tool<S, R> {
  if (checks.plainObject(options) !== undefined) {
    throw wrongOption("tool", "{ name, description, inputSchema, execute }", options);
  }
  readyTool(options, options.name);
  const { name, description, inputSchema, timeout, execute } = options;
  return Object.freeze({
    name,
    ...(description !== undefined && { description }),
    inputSchema,
    ...(timeout !== undefined && { timeout }),
    execute,
  });
}

/** A tool that was looked at once: its JSON Schema, and how its arguments are read. */
export interface ReadyTool {
  readonly name: string;
  readonly description?: string;
  readonly inputSchema: JsonSchema;
  readonly timeout: number;
  readonly schema: StandardSchema | undefined;
  readonly execute: (input: unknown, context: ToolContext) => unknown;
}

const defaultTimeout = 60_000;
/** What the common providers take between them, and what MCP servers name their tools with. */
const nameForm = /^[\w.:/-]{1,128}$/;

/** The tools that were looked at, by the name they go by there. */
const known = new WeakMap<object, ReadyTool>();

/** `given` as a tool called `name`, or a `config` error that says what is wrong with it. */
export function readyTool(given: unknown, name: unknown): ReadyTool {
  if (checks.plainObject(given) !== undefined) {
    throw wrongOption("tools", "tools { name, description, inputSchema, execute }", given);
  }
  const before = known.get(given as object);
  if (before !== undefined && before.name === name) return before;
  const ready = read(given as AnyTool, name);
  known.set(given as object, ready);
  return ready;
}

function read(given: AnyTool, name: unknown): ReadyTool {
  if (typeof name !== "string" || !nameForm.test(name)) {
    throw wrongOption("tool: name", "1 to 128 letters, digits and _ - . : /", name);
  }
  const place = `tool ${name}`;
  const { description, timeout = defaultTimeout, execute } = given;
  if (description !== undefined && typeof description !== "string") {
    throw wrongOption(`${place}: description`, "a string", description);
  }
  const wrongTime = checks.duration(timeout);
  if (wrongTime !== undefined) throw wrongOption(`${place}: timeout`, wrongTime, timeout);
  if (typeof execute !== "function") {
    throw wrongOption(`${place}: execute`, "a function of the arguments and { signal }", execute);
  }
  const { schema, json } = schemaOf(given.inputSchema, place);
  if (json.type !== undefined && json.type !== "object") {
    throw wrongOption(
      `${place}: inputSchema`,
      "a schema of an object, whose members are arguments",
      json.type,
    );
  }
  return Object.freeze({
    name,
    ...(description !== undefined && { description }),
    inputSchema: json,
    timeout,
    schema,
    // Looked up at each call: a method keeps its `this`, and a spy that a test puts there is heard.
    execute: (input: unknown, context: ToolContext) => given.execute!(input as never, context as never),
  });
}

interface ReadSchema {
  readonly schema: StandardSchema | undefined;
  readonly json: JsonSchema;
}

/** The schema in its three forms: of a library, wrapped by the AI SDK, or JSON Schema itself. */
function schemaOf(given: unknown, place: string): ReadSchema {
  const source = isLazy(given) ? given() : given;
  if (isWrapped(source)) return { schema: undefined, json: plainJson(source.jsonSchema, place) };
  if (isSchema(source)) return { schema: source, json: asConfig(() => inputJson(source, place)) };
  return { schema: undefined, json: plainJson(source, place) };
}

const isLazy = (given: unknown): given is () => unknown => typeof given === "function" && !isSchema(given);

const isWrapped = (given: unknown): given is { readonly jsonSchema: unknown } =>
  typeof given === "object" && given !== null && "jsonSchema" in given;

function plainJson(json: unknown, place: string): JsonSchema {
  const expected = "a schema of zod, valibot or arktype, or a JSON Schema object";
  if (checks.plainObject(json) !== undefined) throw wrongOption(`${place}: inputSchema`, expected, json);
  if (typeof (json as { then?: unknown }).then === "function") {
    throw wrongOption(`${place}: inputSchema`, `${expected}, not a promise of one (await it first)`, json);
  }
  const { $schema: _, ...own } = json as JsonSchema;
  return frozenCopy(own, `${place}: inputSchema`);
}

/** A schema that cannot be shown to a model is a wrong option here. */
function asConfig<T>(fn: () => T): T {
  try {
    return fn();
  } catch (error) {
    if (!isTrunklineError(error)) throw error;
    throw new TrunklineError("config", error.message, { cause: error.cause });
  }
}
