import { TrunklineError } from "../core/errors.ts";
import type { ChatRequest } from "../core/request.ts";

/** What only the request itself may say: a second voice on these would send another question than was cached. */
const reserved: readonly string[] = ["messages", "contents", "input", "model", "stream"];

/** The members of `extra`, none of them one that the request itself says. */
export function checkedExtra(extra: NonNullable<ChatRequest["extra"]>): NonNullable<ChatRequest["extra"]> {
  const taken = reserved.find((name) => Object.hasOwn(extra, name));
  if (taken === undefined) return extra;
  throw new TrunklineError(
    "config",
    `extra: "${taken}" cannot be set here; give it as the call's own option`,
  );
}

/** A request's body as text, with the members of `extra` over its own. */
export function writeBody(body: object, extra: ChatRequest["extra"]): string {
  return JSON.stringify(extra === undefined ? body : { ...body, ...checkedExtra(extra) });
}
