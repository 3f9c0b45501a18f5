import { env } from "../core/env.ts";
import { encodeRequest, openaiChat, type Quirks, standardQuirks } from "../wire/openai-chat.ts";
import type { Driver } from "./driver.ts";
import { type HttpDriverParts, httpDriver, type Line } from "./http-driver.ts";
import type { Provider } from "./providers.ts";

/**
 * Speaks OpenAI's chat protocol to one Client's provider: OpenAI itself, and everybody who took it over, each
 * with the differences that the catalog knows.
 *
 * ```ts
 * const { provider, model } = lookup("groq/llama-3.3-70b-versatile");
 * const driver = openaiLike(provider, client, { clock: systemClock });
 * ```
 */
export function openaiLike(provider: Provider, line: Line, parts: HttpDriverParts): Driver {
  const { baseURL, organization, project } = line.config;
  if (baseURL === undefined) throw new TypeError(`${provider.name}: its Client has no address`);
  const path = pathOf(provider, new URL(baseURL));
  const quirks: Quirks = Object.freeze({ ...standardQuirks, ...provider.quirks });
  const older: Quirks = Object.freeze({ ...quirks, maxTokens: standardQuirks.maxTokens });
  const elsewhere = provider.name === "openai" && baseURL !== provider.baseURL;
  return httpDriver(
    provider.name,
    {
      abilities: provider.abilities,
      path,
      headers: {
        ...(organization && { "openai-organization": organization }),
        ...(project && { "openai-project": project }),
      },
      authorize: provider.name === "azure" ? azureKey : bearer,
      encode: (request, stream) =>
        encodeRequest(request, {
          stream,
          quirks: elsewhere && !needsNewerName.test(request.model) ? older : quirks,
        }),
      format: openaiChat,
      requestWindowMs: provider.requestWindowMs,
    },
    line,
    parts,
  );
}

/** Behind another address than OpenAI's own, only OpenAI's thinking models are sure to know the newer names. */
const needsNewerName = /(^|\/)(o\d|gpt-[5-9])/;

const bearer = (key: string): Record<string, string> => ({ authorization: `Bearer ${key}` });

/** Azure has a header for its own keys; a token of Entra ID, which is a JWT, goes where tokens go. */
const azureKey = (key: string): Record<string, string> =>
  key.startsWith("eyJ") ? bearer(key) : { "api-key": key };

/** The last dated version of Azure's API that is not a preview. */
const azureVersion = "2024-10-21";

/** Where the question goes. Azure's older addresses name the deployment and want a version. */
function pathOf(provider: Provider, { pathname }: URL): string {
  const base = pathname === "/" ? (provider.barePath ?? "") : pathname;
  const path = `${base}/chat/completions`;
  if (provider.name !== "azure" || !base.includes("/openai/deployments/")) return path;
  const version = env("AZURE_OPENAI_API_VERSION") ?? env("OPENAI_API_VERSION") ?? azureVersion;
  return `${path}?api-version=${encodeURIComponent(version)}`;
}
