import { chatPath, embedPath, encodeEmbed, encodeRequest, gemini, geminiEmbeddings } from "../wire/gemini.ts";
import { addressOf, basePath } from "./base-path.ts";
import type { Driver } from "./driver.ts";
import { type HttpDriverParts, httpDriver, type Line } from "./http-driver.ts";
import type { Provider } from "./providers.ts";

/** Speaks Gemini's own API to one Client's provider. */
export function geminiNative(provider: Provider, line: Line, parts: HttpDriverParts): Driver {
  // An address that was meant for the OpenAI face names the same host.
  const base = basePath(provider, addressOf(provider, line)).replace(/\/openai$/, "");
  return httpDriver(
    provider.name,
    {
      abilities: provider.abilities,
      headers: {},
      authorize: (key) => ({ "x-goog-api-key": key }),
      chat: {
        path: ({ model }, stream) => base + chatPath(model, stream),
        encode: encodeRequest,
        format: gemini,
      },
      embed: { path: ({ model }) => base + embedPath(model), encode: encodeEmbed, format: geminiEmbeddings },
      requestWindowMs: provider.requestWindowMs,
    },
    line,
    parts,
  );
}
