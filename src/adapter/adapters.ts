import { checks, show } from "../core/check.ts";
import { TrunklineError } from "../core/errors.ts";
import type { Adapter } from "./adapter.ts";
import { ChatAdapter } from "./chat.ts";
import { JSONAdapter } from "./json.ts";
import { XMLAdapter } from "./xml.ts";

/** An adapter of ours by its name, or one of a user's own. */
export type AdapterChoice = AdapterName | Adapter;

const named = {
  chat: new ChatAdapter(),
  json: new JSONAdapter(),
  xml: new XMLAdapter(),
} as const satisfies Record<string, Adapter>;

/** The names of the adapters that come with the package. */
export type AdapterName = keyof typeof named;

/** The adapter that is meant, or a `config` error that names `owner`. */
export function adapterOf(choice: AdapterChoice, owner = "adapter"): Adapter {
  if (typeof choice === "string" && Object.hasOwn(named, choice)) return named[choice];
  if (isAdapter(choice)) return choice;
  const names = Object.keys(named)
    .map((name) => `"${name}"`)
    .join(", ");
  throw new TrunklineError(
    "config",
    `${owner}: expected ${names} or an adapter { name, plan(signature, demos) }, got ${show(choice)}`,
  );
}

function isAdapter(value: unknown): value is Adapter {
  if (checks.plainObject(value) !== undefined) return false;
  const { name, plan } = value as Partial<Adapter>;
  return typeof name === "string" && name !== "" && typeof plan === "function";
}
