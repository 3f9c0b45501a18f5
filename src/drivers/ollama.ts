import { encodeRequest, ollama, ollamaEmbeddings } from "../wire/ollama.ts";
import { encodeEmbed } from "../wire/openai-embeddings.ts";
import { addressOf, basePath } from "./base-path.ts";
import type { Driver } from "./driver.ts";
import { type HttpDriverParts, httpDriver, type Line } from "./http-driver.ts";
import { bearer } from "./openai-like.ts";
import type { Provider } from "./providers.ts";

/** Speaks Ollama's own API to one Client's server. */
export function ollamaNative(provider: Provider, line: Line, parts: HttpDriverParts): Driver {
  // An address that was meant for the OpenAI face names the same server.
  const base = basePath(provider, addressOf(provider, line)).replace(/\/v1$/, "");
  return httpDriver(
    provider.name,
    {
      abilities: provider.abilities,
      headers: {},
      authorize: bearer,
      chat: { path: () => `${base}/api/chat`, encode: encodeRequest, format: ollama },
      embed: { path: () => `${base}/api/embed`, encode: encodeEmbed, format: ollamaEmbeddings },
      requestWindowMs: provider.requestWindowMs,
    },
    line,
    parts,
  );
}
