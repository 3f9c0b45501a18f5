import { didYouMean, show, wrongOption } from "../core/check.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { TrunklineError } from "../core/errors.ts";
import { anthropic } from "./anthropic.ts";
import type { Driver } from "./driver.ts";
import { geminiNative } from "./gemini.ts";
import type { Line } from "./http-driver.ts";
import { llamaCpp } from "./llama-cpp.ts";
import { ollamaNative } from "./ollama.ts";
import { openaiLike } from "./openai-like.ts";
import { openaiResponsesDriver } from "./openai-responses.ts";
import { type Protocol, type Provider, providers } from "./providers.ts";
import { simulatedDriver } from "./simulated.ts";

/** A model's provider and how to speak to it. */
export interface Found {
  readonly facts: Provider;
  /** As the provider names it. */
  readonly model: string;
  /** Makes the driver of one Client. */
  readonly makeDriver: (line: Line, parts: { readonly clock: Clock }) => Driver;
  /** The one driver of a provider that is in this process and has no connections. */
  readonly local?: Driver;
}

/** Drivers that work in this process, by protocol: one for each model, shared by all who name it. */
const locals = {
  simulated: () => simulated(),
  "llama-cpp": localModel,
} as const satisfies Partial<Record<Protocol, (model: string) => Driver>>;

type LocalProtocol = keyof typeof locals;

/** How the driver of each other protocol is made. */
const makers: Readonly<
  Record<
    Exclude<Protocol, LocalProtocol>,
    (provider: Provider, line: Line, parts: { readonly clock: Clock }) => Driver
  >
> = {
  "openai-chat": openaiLike,
  "openai-responses": openaiResponsesDriver,
  anthropic,
  gemini: geminiNative,
  ollama: ollamaNative,
};

/** Beginnings of model names that only one provider gives. */
const families: readonly (readonly [RegExp, string])[] = [
  [/^(gpt-|chatgpt-|o\d)/i, "openai"],
  [/^gemini-/i, "gemini"],
  [/^claude-/i, "anthropic"],
];

/**
 * The provider and the model of a name such as "openai/gpt-4o-mini". Only the first slash parts them.
 *
 * ```ts
 * lookup("openrouter/meta-llama/llama-3.3-70b-instruct").model === "meta-llama/llama-3.3-70b-instruct";
 * ```
 */
export function lookup(name: string): Found {
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
  const { protocol } = provider;
  if (isLocal(protocol)) {
    const local = locals[protocol](model);
    return { facts: provider, model, makeDriver: () => local, local };
  }
  return {
    facts: provider,
    model,
    makeDriver: (line, parts) => makers[protocol](provider, line, parts),
  };
}

const isLocal = (protocol: Protocol): protocol is LocalProtocol => Object.hasOwn(locals, protocol);

/** Names of local models that are remembered: far more than one process loads. */
const mostLocalModels = 1_000;

const localModels = new Map<string, Driver>();

/** One driver a file: a second one would load it a second time. Until its first call it holds nothing. */
function localModel(path: string): Driver {
  let driver = localModels.get(path);
  if (driver === undefined) {
    driver = llamaCpp({ path });
    if (localModels.size >= mostLocalModels) localModels.delete(localModels.keys().next().value!);
    localModels.set(path, driver);
  }
  return driver;
}

let theSimulated: Driver | undefined;

/** One for the whole process, so that all who ask it share its limits and its cache. */
function simulated(): Driver {
  theSimulated ??= simulatedDriver({ clock: systemClock });
  return theSimulated;
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
