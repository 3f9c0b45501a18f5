import { encodeRequest, openaiResponses } from "../wire/openai-responses.ts";
import { addressOf, basePath } from "./base-path.ts";
import type { Driver } from "./driver.ts";
import { type HttpDriverParts, httpDriver, type Line } from "./http-driver.ts";
import { accountHeaders, bearer } from "./openai-like.ts";
import { marksOf } from "./prefix-marks.ts";
import type { Provider } from "./providers.ts";

/** Speaks OpenAI's Responses API to one Client's provider. */
export function openaiResponsesDriver(provider: Provider, line: Line, parts: HttpDriverParts): Driver {
  const { baseURL } = line.config;
  const path = `${basePath(provider, addressOf(provider, line))}/responses`;
  return httpDriver(
    provider.name,
    {
      abilities: provider.abilities,
      headers: accountHeaders(line),
      authorize: bearer,
      chat: {
        path: () => path,
        encode: (request, { stream, prefixMark }) =>
          encodeRequest(request, {
            stream,
            prefixMark: marksOf(provider, request.model, baseURL) && prefixMark,
          }),
        format: openaiResponses,
      },
      requestWindowMs: provider.requestWindowMs,
    },
    line,
    parts,
  );
}
