import { needsNewerNames, takesBreakpoints } from "../wire/openai-models.ts";
import type { Marks } from "../wire/prefix-marks.ts";

/** A provider's address, given and its own. */
interface Place {
  readonly name: string;
  readonly baseURL?: string;
}

const openai = (model: string, home: boolean): Marks | undefined => {
  if (!home) return undefined;
  return takesBreakpoints(model) ? "breakpoints" : "key";
};

/** Azure serves models of others, too, whose servers refuse what they do not know. */
const azure = (model: string): Marks | undefined =>
  needsNewerNames(model) || /^gpt-/.test(model) ? "key" : undefined;

function openrouter(model: string): Marks | undefined {
  if (model.startsWith("anthropic/")) return "cache_control";
  return model.startsWith("openai/") && takesBreakpoints(model) ? "breakpoints" : undefined;
}

/** How each provider is told of shared prefixes, as far as its pages say; `home`: at its own address. */
const table: Readonly<Record<string, (model: string, home: boolean) => Marks | undefined>> = {
  anthropic: () => "cache_control",
  openai,
  "openai-responses": openai,
  azure,
  openrouter,
};

/** How a provider at `baseURL` is told of the prefixes that calls to `model` share; undefined where it is not. */
export function marksOf(provider: Place, model: string, baseURL: string | undefined): Marks | undefined {
  return table[provider.name]?.(model, baseURL === provider.baseURL);
}

/** Whether what is not marked is not cached there. */
export function cachesOnlyMarked(provider: Place, model: string, baseURL: string | undefined): boolean {
  const marks = marksOf(provider, model, baseURL);
  return marks === "breakpoints" || marks === "cache_control";
}
