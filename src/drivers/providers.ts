import type { ProviderFacts } from "../clients/settings.ts";
import type { Quirks } from "../wire/openai-chat.ts";
import type { Abilities } from "./driver.ts";
import { usualSequences } from "./llama-cpp.ts";

/** How to speak to a provider. */
export type Protocol =
  | "openai-chat"
  | "openai-responses"
  | "anthropic"
  | "gemini"
  | "ollama"
  | "simulated"
  | "llama-cpp";

/** Everything that is known of a provider beforehand: where it is, what it can carry, how it differs. */
export interface Provider extends ProviderFacts {
  readonly protocol: Protocol;
  readonly abilities: Abilities;
  /** The API's path, put behind a base URL that names only a host. */
  readonly barePath?: string;
  /** Where its requests differ from what most servers of the protocol take. */
  readonly quirks?: Partial<Quirks>;
  /** The most texts that one embed request may hold; absent where it has no embeddings. */
  readonly embedTexts?: number;
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
  keyRequired: true,
  cachesPrefixes: false,
  concurrencyBound: false,
} as const satisfies Partial<Provider>;

/** OpenAI's newer name of the bound of an answer; its thinking models know no other. */
const newer: Partial<Quirks> = { maxTokens: "max_completion_tokens" };

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
    quirks: newer,
    embedTexts: 2_048,
    cachesPrefixes: true,
  },
  "openai-responses": {
    ...usual,
    protocol: "openai-responses",
    label: "OpenAI (Responses API)",
    baseURL: "https://api.openai.com/v1",
    baseURLVariables: ["OPENAI_BASE_URL"],
    keyVariables: ["OPENAI_API_KEY"],
    organizationVariable: "OPENAI_ORG_ID",
    projectVariable: "OPENAI_PROJECT_ID",
    abilities: { ...all, choices: false },
    cachesPrefixes: true,
  },
  anthropic: {
    ...usual,
    protocol: "anthropic",
    label: "Anthropic",
    baseURL: "https://api.anthropic.com/v1",
    baseURLVariables: ["ANTHROPIC_BASE_URL"],
    keyVariables: ["ANTHROPIC_API_KEY"],
    barePath: "/v1",
    abilities: { ...all, choices: false },
    cachesPrefixes: true,
    cachedTokensFree: true,
  },
  azure: {
    ...usual,
    label: "Azure OpenAI",
    baseURLVariables: ["AZURE_OPENAI_BASE_URL", "AZURE_OPENAI_ENDPOINT"],
    keyVariables: ["AZURE_OPENAI_API_KEY"],
    barePath: "/openai/v1",
    quirks: newer,
    embedTexts: 2_048,
    cachesPrefixes: true,
  },
  gemini: {
    ...usual,
    protocol: "gemini",
    label: "Gemini",
    baseURL: "https://generativelanguage.googleapis.com/v1beta",
    baseURLVariables: ["GEMINI_BASE_URL"],
    keyVariables: ["GOOGLE_API_KEY", "GEMINI_API_KEY"],
    barePath: "/v1beta",
    embedTexts: 100,
    cachesPrefixes: true,
  },
  "gemini-openai": {
    ...usual,
    label: "Gemini (OpenAI face)",
    baseURL: "https://generativelanguage.googleapis.com/v1beta/openai",
    baseURLVariables: ["GEMINI_OPENAI_BASE_URL"],
    keyVariables: ["GOOGLE_API_KEY", "GEMINI_API_KEY"],
    barePath: "/v1beta/openai",
    abilities: { ...all, files: false },
    embedTexts: 100,
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
    quirks: newer,
    requestWindowMs: 86_400_000,
    cachesPrefixes: true,
    cachedTokensFree: true,
  },
  cerebras: {
    ...usual,
    label: "Cerebras",
    baseURL: "https://api.cerebras.ai/v1",
    baseURLVariables: ["CEREBRAS_BASE_URL"],
    keyVariables: ["CEREBRAS_API_KEY"],
    barePath: "/v1",
    abilities: { ...all, files: false, choices: false },
    quirks: newer,
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
    embedTexts: 2_048,
    quirks: { fileUrls: true, reasoningEffort: "reasoning" },
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
    embedTexts: 2_048,
    cachesPrefixes: true,
  },
  ollama: {
    ...ownServer,
    protocol: "ollama",
    label: "Ollama",
    baseURL: "http://localhost:11434",
    baseURLVariables: ["OLLAMA_BASE_URL"],
    keyVariables: ["OLLAMA_API_KEY"],
    abilities: { ...all, files: false, choices: false },
    embedTexts: 2_048,
  },
  "ollama-openai": {
    ...ownServer,
    label: "Ollama (OpenAI face)",
    baseURL: "http://localhost:11434/v1",
    baseURLVariables: ["OLLAMA_OPENAI_BASE_URL"],
    keyVariables: ["OLLAMA_API_KEY"],
    barePath: "/v1",
    abilities: { ...all, files: false, choices: false },
    embedTexts: 2_048,
  },
  "openai-compatible": {
    ...usual,
    label: "an OpenAI-compatible server",
    baseURLVariables: ["OPENAI_COMPATIBLE_BASE_URL"],
    keyVariables: ["OPENAI_COMPATIBLE_API_KEY"],
    keyRequired: false,
    embedTexts: 2_048,
  },
  "llama-cpp": {
    ...usual,
    protocol: "llama-cpp",
    label: "llama.cpp",
    baseURLVariables: [],
    keyVariables: [],
    keyRequired: false,
    concurrencyBound: true,
    // What is more would wait inside, where no priority and no fairness reaches.
    maxParallelRequests: usualSequences,
    abilities: { images: false, files: false, tools: false, choices: false, responseFormat: "json_schema" },
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
