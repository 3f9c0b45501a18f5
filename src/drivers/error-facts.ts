import { type ErrorDetails, TrunklineError } from "../core/errors.ts";

/**
 * The same error with what its thrower did not know filled in. A copy, because one error may belong to many
 * calls: a session that dies tells all its streams alike.
 */
export function withFacts(
  error: TrunklineError,
  facts: Omit<ErrorDetails, "cause" | "retryable">,
): TrunklineError {
  const missing = Object.entries(facts).filter(
    ([name, value]) => value !== undefined && error[name as keyof TrunklineError] === undefined,
  );
  if (missing.length === 0) return error;
  const { name: _, code, ...known } = { ...error };
  const filled = new TrunklineError(code, error.message, {
    ...known,
    ...Object.fromEntries(missing),
    cause: error.cause,
  });
  Object.defineProperty(filled, "stack", { value: error.stack, configurable: true, writable: true });
  return filled;
}
