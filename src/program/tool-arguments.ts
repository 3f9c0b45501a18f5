import type { ToolCall } from "../core/message.ts";
import type { JsonSchema } from "../signature/types.ts";
import { schemaFault } from "./check-json.ts";
import type { ReadyTool } from "./tool.ts";

/** The arguments as the tool takes them, or an Error that tells the model what is wrong with them. */
export async function argumentsOf(ready: ReadyTool, call: ToolCall): Promise<unknown> {
  const { name, schema, inputSchema } = ready;
  if (!isReadable(call)) throw new Error(`the arguments of ${name} are not a JSON object`);
  const given = withoutNulls(inputSchema, call.arguments, inputSchema);
  if (schema === undefined) {
    const fault = schemaFault(inputSchema, given);
    if (fault !== undefined) throw new Error(`wrong arguments for ${name}: ${fault}`);
    return given;
  }
  const result = await schema["~standard"].validate(given);
  if (result.issues === undefined) return result.value;
  const issues = result.issues.slice(0, 5).map(({ path, message }) => {
    const place = path?.map((part) => String(typeof part === "object" ? part.key : part)).join(".");
    return place ? `${place}: ${message}` : message;
  });
  throw new Error(`wrong arguments for ${name}: ${issues.join("; ")}`);
}

/** Whether `arguments` is what the model wrote: they are empty, too, where its text could not be read. */
function isReadable({ arguments: given, argumentsText }: ToolCall): boolean {
  if (Object.keys(given).length > 0 || argumentsText.trim() === "") return true;
  try {
    const value: unknown = JSON.parse(argumentsText);
    return typeof value === "object" && !Array.isArray(value);
  } catch {
    return false;
  }
}

/**
 * Models that must name every argument write null for one that they leave out, at any depth: without those that may
 * be left out and may not be null.
 */
function withoutNulls(schema: unknown, value: unknown, root: JsonSchema): unknown {
  if (typeof schema !== "object" || schema === null || typeof value !== "object" || value === null)
    return value;
  const { properties, required, items } = schema as JsonSchema;
  if (Array.isArray(value)) return value.map((item) => withoutNulls(items, item, root));
  const needed = new Set(Array.isArray(required) ? (required as unknown[]) : []);
  const partOf = (name: string): unknown =>
    Object.hasOwn(Object(properties), name) ? (properties as JsonSchema)[name] : undefined;
  const isLeftOut = ([name, member]: [string, unknown]): boolean =>
    member === null && !needed.has(name) && schemaFault(partOf(name) as JsonSchema, null, root) !== undefined;
  return Object.fromEntries(
    Object.entries(value)
      .filter((entry) => !isLeftOut(entry))
      .map(([name, member]) => [name, withoutNulls(partOf(name), member, root)]),
  );
}
