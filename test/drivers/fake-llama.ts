import type {
  Chunk,
  GenerateOptions,
  HistoryItem,
  LlamaModule,
  Sequence,
  Tokens,
} from "../../src/drivers/llama-cpp/module.ts";

/** What a fake model is asked to do and what it saw. */
export interface FakeLlama {
  readonly module: LlamaModule;
  readonly seen: {
    loads: number;
    disposed: number;
    llama?: object;
    context?: object;
    /** Tokens evaluated, by sequence; the first one is the shared prefix's. */
    readonly evaluated: number[];
    readonly histories: (readonly HistoryItem[])[];
    readonly options: GenerateOptions[];
    readonly grammars: object[];
    now: number;
    most: number;
  };
}

export interface FakeLlamaOptions {
  /** Brings what is said, piece by piece. */
  readonly says?: (
    history: readonly HistoryItem[],
  ) => AsyncIterable<Partial<Chunk>> | Iterable<Partial<Chunk>>;
  readonly copies?: "well" | "badly" | "not at all";
  readonly contextSize?: number;
  readonly loadError?: Error;
  readonly grammarError?: Error;
  readonly cpuMathCores?: number;
}

/** The tokens of the fake are characters. */
const tokensOf = (text: string): Tokens => Array.from(text, (letter) => letter.codePointAt(0)!);

const render = (history: readonly HistoryItem[]): string =>
  history
    .map((item) => `<${item.type}>${item.type === "model" ? item.response.join("") : item.text}`)
    .join("");

/** A module of node-llama-cpp's shape without a model in it. */
export function fakeLlama(options: FakeLlamaOptions = {}): FakeLlama {
  const { contextSize = 4_096, copies = "well", cpuMathCores = 64 } = options;
  const seen: FakeLlama["seen"] = {
    loads: 0,
    disposed: 0,
    evaluated: [],
    histories: [],
    options: [],
    grammars: [],
    now: 0,
    most: 0,
  };

  class FakeSequence implements Sequence {
    readonly contextSize = contextSize;
    readonly #index = seen.evaluated.push(0) - 1;
    tokens: Tokens = [];
    declare _copyStateFromOtherSequence?: NonNullable<Sequence["_copyStateFromOtherSequence"]>;

    constructor() {
      if (copies === "not at all") return;
      this._copyStateFromOtherSequence = async (other, upTo) => {
        this.tokens = (other as FakeSequence).tokens.slice(0, upTo);
        return copies === "well";
      };
    }

    get nextTokenIndex(): number {
      return this.tokens.length;
    }

    compareContextTokens(tokens: Tokens): { firstDifferentIndex: number } {
      let at = 0;
      while (at < tokens.length && at < this.tokens.length && tokens[at] === this.tokens[at]) at++;
      return { firstDifferentIndex: at };
    }

    async adaptStateToTokens(tokens: Tokens): Promise<void> {
      this.tokens = this.tokens.slice(0, this.compareContextTokens(tokens).firstDifferentIndex);
    }

    async evaluateWithoutGeneratingNewTokens(tokens: Tokens): Promise<void> {
      seen.evaluated[this.#index]! += tokens.length;
      // Time passes, in which others may come between.
      const before = this.tokens;
      await new Promise((resolve) => setImmediate(resolve));
      this.tokens = [...before, ...tokens];
    }

    async clearHistory(): Promise<void> {
      this.tokens = [];
    }
  }

  const generateContextState = ({ chatHistory }: { chatHistory: readonly HistoryItem[] }) => ({
    contextText: { tokenize: () => tokensOf(render(chatHistory)) },
  });

  class FakeChat {
    readonly chatWrapper = { generateContextState };
    readonly #sequence: FakeSequence;

    constructor({ contextSequence }: { readonly contextSequence: Sequence }) {
      this.#sequence = contextSequence as FakeSequence;
    }

    async generateResponse(history: readonly HistoryItem[], asked: GenerateOptions) {
      seen.histories.push(history);
      seen.options.push(asked);
      seen.most = Math.max(seen.most, ++seen.now);
      try {
        return await this.#generate(history, asked);
      } finally {
        seen.now--;
      }
    }

    async #generate(history: readonly HistoryItem[], asked: GenerateOptions) {
      const prompt = tokensOf(render(history));
      await this.#sequence.adaptStateToTokens(prompt);
      await this.#sequence.evaluateWithoutGeneratingNewTokens(prompt.slice(this.#sequence.nextTokenIndex));
      let left = asked.maxTokens;
      for await (const { text = "", type, tokens = [1] } of options.says?.(history) ?? words()) {
        asked.signal?.throwIfAborted();
        if (left < tokens.length) return { metadata: { stopReason: "maxTokens" } };
        left -= tokens.length;
        asked.onResponseChunk({ text, tokens, type });
      }
      return { metadata: { stopReason: "eogToken" } };
    }
  }

  const llama = {
    cpuMathCores,
    async loadModel({ modelPath }: { readonly modelPath: string }) {
      seen.loads++;
      if (options.loadError) throw options.loadError;
      return {
        modelPath,
        tokenizer: {},
        async createContext(asked: object) {
          seen.context = asked;
          return { getSequence: () => new FakeSequence() };
        },
      };
    },
    async createGrammarForJsonSchema(schema: object) {
      if (options.grammarError) throw options.grammarError;
      seen.grammars.push(schema);
      return { schema };
    },
    async getGrammarFor() {
      return { json: true };
    },
    async dispose() {
      seen.disposed++;
    },
  };
  const module: LlamaModule = {
    async getLlama(asked) {
      seen.llama = asked;
      return llama;
    },
    LlamaChat: FakeChat,
  };
  return { module, seen };
}

function* words(): Iterable<Partial<Chunk>> {
  for (const text of ["A ", "few ", "words."]) yield { text };
}
