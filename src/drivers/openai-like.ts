import { env } from "../core/env.ts";
import { encodeRequest, openaiChat, type Quirks, standardQuirks } from "../wire/openai-chat.ts";
import { encodeEmbed, openaiEmbeddings } from "../wire/openai-embeddings.ts";
import { needsNewerNames } from "../wire/openai-models.ts";
import { addressOf, basePath } from "./base-path.ts";
import type { Driver } from "./driver.ts";
import { type Conversation, type HttpDriverParts, httpDriver, type Line } from "./http-driver.ts";
import { marksOf } from "./prefix-marks.ts";
import type { Provider } from "./providers.ts";

/**
 * Speaks OpenAI's chat protocol to one Client's provider: OpenAI itself, and everybody who took it over, each
 * with the differences that the catalog knows.
 *
 * ```ts
 * const { facts, model } = lookup("groq/llama-3.3-70b-versatile");
 * const driver = openaiLike(facts, client, { clock: systemClock });
 * ```
 */
export function openaiLike(provider: Provider, line: Line, parts: HttpDriverParts): Driver {
  const url = addressOf(provider, line);
  const path = pathOf(provider, url, "chat/completions");
  const quirks: Quirks = Object.freeze({ ...standardQuirks, ...provider.quirks });
  const older: Quirks = Object.freeze({ ...quirks, maxTokens: standardQuirks.maxTokens });
  const elsewhere = provider.name === "openai" && !isAtHome(provider, line);
  return httpDriver(
    provider.name,
    {
      abilities: provider.abilities,
      headers: accountHeaders(line),
      authorize: provider.name === "azure" ? azureKey : bearer,
      chat: {
        path: () => path,
        encode: (request, { stream, prefixMark }) =>
          encodeRequest(request, {
            stream,
            prefixMark,
            marks: prefixMark && marksOf(provider, request.model, line.config.baseURL),
            quirks: elsewhere && !needsNewerNames(request.model) ? older : quirks,
          }),
        format: openaiChat,
      },
      ...(provider.embedTexts && { embed: openaiEmbed(pathOf(provider, url, "embeddings")) }),
      requestWindowMs: provider.requestWindowMs,
    },
    line,
    parts,
  );
}

/** Whether a Client's address is the provider's own: behind another one, only what most servers take is sent. */
function isAtHome(provider: Provider, { config }: Line): boolean {
  return config.baseURL === provider.baseURL;
}

/** Who pays, as OpenAI wants to be told. */
export function accountHeaders({ config: { organization, project } }: Line): Record<string, string> {
  return {
    ...(organization && { "openai-organization": organization }),
    ...(project && { "openai-project": project }),
  };
}

/** Embeddings in OpenAI's way. */
function openaiEmbed(path: string): Conversation {
  return { path: () => path, encode: encodeEmbed, format: openaiEmbeddings };
}

export const bearer = (key: string): Record<string, string> => ({ authorization: `Bearer ${key}` });

/** Azure has a header for its own keys; a token of Entra ID, which is a JWT, goes where tokens go. */
const azureKey = (key: string): Record<string, string> =>
  key.startsWith("eyJ") ? bearer(key) : { "api-key": key };

/** The last dated version of Azure's API that is not a preview. */
const azureVersion = "2024-10-21";

/** Where a question goes. Azure's older addresses name the deployment and want a version. */
function pathOf(provider: Provider, url: URL, end: string): string {
  const path = `${basePath(provider, url)}/${end}`;
  if (provider.name !== "azure" || !path.includes("/openai/deployments/")) return path;
  const version = env("AZURE_OPENAI_API_VERSION") ?? env("OPENAI_API_VERSION") ?? azureVersion;
  return `${path}?api-version=${encodeURIComponent(version)}`;
}
