import type { ProviderFacts } from "../clients/settings.ts";
import { didYouMean, show, wrongOption } from "../core/check.ts";
import { TrunklineError } from "../core/errors.ts";
import type { Abilities } from "./driver.ts";

/** How to speak to a provider. */
export type Protocol = "openai-chat" | "simulated";

/** Everything that is known of a provider beforehand: where it is, what it can carry, how it differs. */
export interface Provider extends ProviderFacts {
  readonly protocol: Protocol;
  readonly abilities: Abilities;
  /** The API's path, put behind a base URL that names only a host. */
  readonly barePath?: string;
  /** The member that bounds the answer: OpenAI's newer name, or the older one that most servers know. */
  readonly maxTokens: "max_completion_tokens" | "max_tokens";
  /** The window of request limits whose header tells none; a minute where absent. */
  readonly requestWindowMs?: number;
}

const all: Abilities = {
  images: true,
  files: true,
  tools: true,
  responseFormat: "json_schema",
  choices: true,
};

/** What most providers of the OpenAI protocol share. */
const usual = {
  protocol: "openai-chat",
  abilities: all,
  maxTokens: "max_tokens",
  keyRequired: true,
  cachesPrefixes: false,
  concurrencyBound: false,
} as const satisfies Partial<Provider>;

/** A server of one's own: no key unless it wants one, and its speed depends on how much runs at once. */
const ownServer = { ...usual, keyRequired: false, concurrencyBound: true } as const;

const table: Readonly<Record<string, Omit<Provider, "name">>> = {
  openai: {
    ...usual,
    label: "OpenAI",
    baseURL: "https://api.openai.com/v1",
    baseURLVariables: ["OPENAI_BASE_URL"],
    keyVariables: ["OPENAI_API_KEY"],
    organizationVariable: "OPENAI_ORG_ID",
    projectVariable: "OPENAI_PROJECT_ID",
    maxTokens: "max_completion_tokens",
    cachesPrefixes: true,
  },
  azure: {
    ...usual,
    label: "Azure OpenAI",
    baseURLVariables: ["AZURE_OPENAI_BASE_URL", "AZURE_OPENAI_ENDPOINT"],
    keyVariables: ["AZURE_OPENAI_API_KEY"],
    barePath: "/openai/v1",
    maxTokens: "max_completion_tokens",
    cachesPrefixes: true,
  },
  gemini: {
    ...usual,
    label: "Gemini",
    baseURL: "https://generativelanguage.googleapis.com/v1beta/openai",
    baseURLVariables: ["GEMINI_BASE_URL"],
    keyVariables: ["GOOGLE_API_KEY", "GEMINI_API_KEY"],
    barePath: "/v1beta/openai",
    abilities: { ...all, files: false },
    cachesPrefixes: true,
  },
  groq: {
    ...usual,
    label: "Groq",
    baseURL: "https://api.groq.com/openai/v1",
    baseURLVariables: ["GROQ_BASE_URL"],
    keyVariables: ["GROQ_API_KEY"],
    barePath: "/openai/v1",
    abilities: { ...all, files: false, choices: false },
    maxTokens: "max_completion_tokens",
    requestWindowMs: 86_400_000,
    cachesPrefixes: true,
  },
  cerebras: {
    ...usual,
    label: "Cerebras",
    baseURL: "https://api.cerebras.ai/v1",
    baseURLVariables: ["CEREBRAS_BASE_URL"],
    keyVariables: ["CEREBRAS_API_KEY"],
    barePath: "/v1",
    abilities: { ...all, files: false, choices: false },
    maxTokens: "max_completion_tokens",
    cachesPrefixes: true,
  },
  openrouter: {
    ...usual,
    label: "OpenRouter",
    baseURL: "https://openrouter.ai/api/v1",
    baseURLVariables: ["OPENROUTER_BASE_URL"],
    keyVariables: ["OPENROUTER_API_KEY"],
    barePath: "/api/v1",
    abilities: { ...all, choices: false },
    cachesPrefixes: true,
  },
  vllm: {
    ...ownServer,
    label: "vLLM",
    baseURL: "http://localhost:8000/v1",
    baseURLVariables: ["VLLM_BASE_URL"],
    keyVariables: ["VLLM_API_KEY"],
    barePath: "/v1",
    abilities: { ...all, files: false },
    cachesPrefixes: true,
  },
  ollama: {
    ...ownServer,
    label: "Ollama",
    baseURL: "http://localhost:11434/v1",
    baseURLVariables: ["OLLAMA_BASE_URL"],
    keyVariables: ["OLLAMA_API_KEY"],
    barePath: "/v1",
    abilities: { ...all, files: false, choices: false },
  },
  "openai-compatible": {
    ...usual,
    label: "an OpenAI-compatible server",
    baseURLVariables: ["OPENAI_COMPATIBLE_BASE_URL"],
    keyVariables: ["OPENAI_COMPATIBLE_API_KEY"],
    keyRequired: false,
  },
  simulated: {
    ...usual,
    protocol: "simulated",
    baseURLVariables: [],
    keyVariables: [],
    keyRequired: false,
    cachesPrefixes: true,
  },
};

/** All providers, by the name that stands before the slash. */
export const providers: ReadonlyMap<string, Provider> = new Map(
  Object.entries(table).map(([name, facts]) => [
    name,
    Object.freeze({
      timeoutVariable: "OPENAI_TIMEOUT",
      retriesVariable: "OPENAI_MAX_RETRIES",
      ...facts,
      name,
    }),
  ]),
);

/** Beginnings of model names that only one provider gives. */
const families: readonly (readonly [RegExp, string])[] = [
  [/^(gpt-|chatgpt-|o\d)/i, "openai"],
  [/^gemini-/i, "gemini"],
];

/**
 * The provider and the model of a name such as "openai/gpt-4o-mini". Only the first slash parts them.
 *
 * ```ts
 * lookup("openrouter/meta-llama/llama-3.3-70b-instruct").model === "meta-llama/llama-3.3-70b-instruct";
 * ```
 */
export function lookup(name: string): { readonly provider: Provider; readonly model: string } {
  const expected = '"provider/model", such as "openai/gpt-4o-mini"';
  if (typeof name !== "string" || name.trim() === "") throw wrongOption("model", expected, name);
  const text = name.trim();
  const slash = text.indexOf("/");
  if (slash < 0) throw withoutSlash(text, expected);
  const [before, model] = [text.slice(0, slash), text.slice(slash + 1)];
  const provider = providers.get(before);
  if (provider === undefined) {
    throw new TrunklineError(
      "config",
      `model ${show(text)}: unknown provider ${show(before)}; ${didYouMean(before, [...providers.keys()])}. ` +
        "Any other server with OpenAI's protocol is openai-compatible/model with its baseURL",
    );
  }
  if (model === "")
    throw new TrunklineError("config", `model ${show(text)}: names no model; expected ${expected}`);
  return { provider, model };
}

function withoutSlash(text: string, expected: string): TrunklineError {
  const family = families.find(([beginning]) => beginning.test(text));
  const hint = providers.has(text)
    ? `${show(text)} is a provider: add a slash and its model`
    : family
      ? `did you mean "${family[1]}/${text}"?`
      : didYouMean(text, [...providers.keys()]).replace("known are", "known providers are");
  return new TrunklineError("config", `model: expected ${expected}, got ${show(text)}; ${hint}`);
}
