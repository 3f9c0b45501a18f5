import type { Delta } from "../core/call.ts";
import { show } from "../core/check.ts";
import { TrunklineError } from "../core/errors.ts";

/**
 * A delta of an outside driver as plain data: a bare string is its text, members of a wrong type are an error,
 * and one that says nothing is dropped.
 */
export function plainDelta(came: unknown, driver: string): Delta | undefined {
  if (typeof came === "string") return came === "" ? undefined : { text: came };
  if (typeof came !== "object" || came === null) throw badDelta(driver, "a delta { text }", came);
  const { text = "", reasoning, toolCall, choice } = came as Partial<Delta>;
  if (typeof text !== "string") throw badDelta(driver, "text: a string", text);
  if (reasoning !== undefined && typeof reasoning !== "string") {
    throw badDelta(driver, "reasoning: a string", reasoning);
  }
  if (choice !== undefined && !isCount(choice)) throw badDelta(driver, "choice: a whole number", choice);
  if (text === "" && !reasoning && toolCall === undefined) return undefined;
  return {
    text,
    ...(reasoning !== undefined && { reasoning }),
    ...(toolCall !== undefined && { toolCall: plainToolCall(toolCall, driver) }),
    ...(choice !== undefined && { choice }),
  };
}

function plainToolCall(came: unknown, driver: string): NonNullable<Delta["toolCall"]> {
  const { index, ...texts } = (typeof came === "object" && came !== null ? came : {}) as Record<
    string,
    unknown
  >;
  if (!isCount(index)) throw badDelta(driver, "toolCall.index: a whole number", index);
  const call: { index: number; id?: string; name?: string; argumentsText?: string } = { index };
  for (const name of ["id", "name", "argumentsText"] as const) {
    const value = texts[name];
    if (value === undefined) continue;
    if (typeof value !== "string") throw badDelta(driver, `toolCall.${name}: a string`, value);
    call[name] = value;
  }
  return call;
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function badDelta(driver: string, expected: string, came: unknown): TrunklineError {
  return new TrunklineError(
    "bad_response",
    `${driver} called onDelta wrongly: expected ${expected}, got ${show(came)}`,
  );
}
