import { type Check, checkOptions, checks } from "../core/check.ts";
import { isTrunklineError, TrunklineError } from "../core/errors.ts";
import type { Abilities, Driver } from "./driver.ts";
import { Engine } from "./llama-cpp/engine.ts";
import { type LlamaModule, loadModule } from "./llama-cpp/module.ts";

export type { LlamaModule } from "./llama-cpp/module.ts";

export interface LlamaCppOptions {
  /** The model's file, a GGUF. */
  readonly path: string;
  /** Calls that are answered side by side; more wait their turn. Default 4. */
  readonly sequences?: number;
  /** The most tokens of one conversation, its answer included. Default 4,096, or what the model and the memory allow. */
  readonly contextSize?: number;
  /** Default: the machine's cores but one. */
  readonly threads?: number;
  /** Brings node-llama-cpp. Default: imported when the first call needs it. */
  readonly load?: () => Promise<LlamaModule>;
}

/** How many calls one model answers side by side, unless told. */
export const usualSequences = 4;

const optionChecks = {
  path: checks.string,
  sequences: checks.positiveCount,
  contextSize: checks.positiveCount,
  threads: checks.positiveCount,
  load: checks.fn,
} satisfies Record<keyof LlamaCppOptions, Check>;

const abilities: Abilities = Object.freeze({
  images: false,
  files: false,
  tools: false,
  responseFormat: "json_schema",
  choices: false,
});

/**
 * Runs a model inside this process, by node-llama-cpp. Nothing is loaded before the first call; whoever starts the
 * driver once more shares the loaded model, and the last to close it gives the memory back.
 *
 * ```ts
 * const driver = llamaCpp({ path: "models/SmolLM2-135M-Instruct.Q4_1.gguf", sequences: 2 });
 * ```
 */
export function llamaCpp(options: LlamaCppOptions): Driver {
  checkOptions("llama-cpp", options, optionChecks);
  const { path, sequences = usualSequences, contextSize = 4_096, threads, load = loadModule } = options;
  let engine: Promise<Engine> | undefined;
  let users = 0;

  const start = async (): Promise<Engine> => {
    const module = await load();
    try {
      return await Engine.load(module, { path, sequences, contextSize, threads });
    } catch (error) {
      throw notLoaded(path, error);
    }
  };

  /** A failure is forgotten, so that the next call tries again. */
  const ready = (): Promise<Engine> => {
    engine ??= start().catch((error: unknown) => {
      engine = undefined;
      throw error;
    });
    return engine;
  };

  return Object.freeze({
    name: "llama-cpp",
    abilities,
    prefers: "json",
    async init() {
      await ready();
      users++;
    },
    async chat(request, callOptions) {
      return (await ready()).chat(request, callOptions);
    },
    async close() {
      users = Math.max(0, users - 1);
      if (users > 0 || engine === undefined) return;
      const loaded = engine;
      engine = undefined;
      await (await loaded).dispose();
    },
  } satisfies Driver);
}

function notLoaded(path: string, cause: unknown): TrunklineError {
  if (isTrunklineError(cause)) return cause;
  const missing = /ENOENT|not found|no such file/i.test(String((cause as Error | undefined)?.message));
  return new TrunklineError(
    missing ? "not_found" : "config",
    `llama-cpp: the model ${path} cannot be loaded${missing ? ": there is no such file" : ""}`,
    { cause, sent: false },
  );
}
