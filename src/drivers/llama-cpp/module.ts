import { TrunklineError } from "../../core/errors.ts";

/** The part of node-llama-cpp that is used here; everything is as that package has it. */
export interface LlamaModule {
  getLlama(options: {
    readonly build: "never";
    readonly progressLogs: false;
    readonly logLevel: "error";
    readonly maxThreads: number;
  }): Promise<Llama>;
  readonly LlamaChat: new (options: { readonly contextSequence: Sequence }) => Chat;
}

export interface Llama {
  readonly cpuMathCores: number;
  loadModel(options: { readonly modelPath: string }): Promise<Model>;
  createGrammarForJsonSchema(schema: object): Promise<object>;
  getGrammarFor(type: "json"): Promise<object>;
  dispose(): Promise<void>;
}

export type Tokens = readonly number[];

export interface Model {
  readonly tokenizer: object;
  createContext(options: {
    readonly sequences: number;
    readonly contextSize: { readonly max: number };
    readonly threads: number;
  }): Promise<Context>;
}

export interface Context {
  getSequence(): Sequence;
}

/** One text that is being written, with its own place in the context. */
export interface Sequence {
  readonly contextSize: number;
  readonly nextTokenIndex: number;
  compareContextTokens(tokens: Tokens): { readonly firstDifferentIndex: number };
  adaptStateToTokens(tokens: Tokens, allowShift: boolean): Promise<void>;
  evaluateWithoutGeneratingNewTokens(tokens: Tokens): Promise<void>;
  clearHistory(): Promise<void>;
  /** Not public there: where it is missing, each sequence evaluates the prefix by itself. */
  _copyStateFromOtherSequence?(other: Sequence, upToTokenIndex: number): Promise<boolean>;
}

export type HistoryItem =
  | { readonly type: "system"; readonly text: string }
  | { readonly type: "user"; readonly text: string }
  | { readonly type: "model"; readonly response: readonly string[] };

export interface Chunk {
  /** Undefined for the answer itself, "segment" for thinking and comments. */
  readonly type?: "segment" | undefined;
  readonly text: string;
  readonly tokens: Tokens;
}

export interface GenerateOptions {
  readonly signal: AbortSignal | undefined;
  readonly maxTokens: number;
  readonly temperature: number | undefined;
  readonly topP: number | undefined;
  readonly seed: number | undefined;
  readonly customStopTriggers: readonly string[] | undefined;
  readonly grammar: object | undefined;
  readonly onResponseChunk: (chunk: Chunk) => void;
}

export interface Chat {
  readonly chatWrapper: {
    generateContextState(options: { readonly chatHistory: readonly HistoryItem[] }): {
      readonly contextText: { tokenize(tokenizer: object): Tokens };
    };
  };
  generateResponse(
    history: readonly HistoryItem[],
    options: GenerateOptions,
  ): Promise<{ readonly metadata: { readonly stopReason: string } }>;
}

/** Kept in a variable, so that neither compilers nor bundlers look for a package that may not be there. */
const packageName = "node-llama-cpp";

/** Loads the package, or says what to install. */
export async function loadModule(): Promise<LlamaModule> {
  try {
    return (await import(packageName)) as LlamaModule;
  } catch (cause) {
    throw new TrunklineError(
      "config",
      `a model inside the process needs the package ${packageName}: npm install ${packageName}`,
      { cause, sent: false },
    );
  }
}
