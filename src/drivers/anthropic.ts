import { anthropicMessages, encodeRequest } from "../wire/anthropic-messages.ts";
import { addressOf, basePath } from "./base-path.ts";
import type { Driver } from "./driver.ts";
import { type HttpDriverParts, httpDriver, type Line } from "./http-driver.ts";
import type { Provider } from "./providers.ts";

/** The one version of the API there is; what came later came under other names. */
const version = "2023-06-01";

/** Speaks Anthropic's Messages API to one Client's provider. */
export function anthropic(provider: Provider, line: Line, parts: HttpDriverParts): Driver {
  const path = `${basePath(provider, addressOf(provider, line))}/messages`;
  return httpDriver(
    provider.name,
    {
      abilities: provider.abilities,
      headers: { "anthropic-version": version },
      authorize: (key) => ({ "x-api-key": key }),
      chat: { path: () => path, encode: encodeRequest, format: anthropicMessages },
      requestWindowMs: provider.requestWindowMs,
    },
    line,
    parts,
  );
}
