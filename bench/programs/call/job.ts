/** What a worker is to do. */
export interface Job {
  readonly way: WayName;
}

/** Ways of running the same predictor. */
export const ways = {
  chat: { title: "Predict.call, chat", adapter: "chat", demos: 4 },
  json: { title: "Predict.call, json", adapter: "json", demos: 4 },
  xml: { title: "Predict.call, xml", adapter: "xml", demos: 4 },
  manyDemos: { title: "Predict.call, chat, 64 demos", adapter: "chat", demos: 64 },
  module: { title: "the same inside a Module", adapter: "chat", demos: 4 },
  trace: { title: "Predict.run: with a trace", adapter: "chat", demos: 4 },
} as const;
export type WayName = keyof typeof ways;

/** The starter's question: make so many calls of one kind, one after another. */
export interface Question {
  readonly kind: Kind;
  readonly calls: number;
}

/** The LM alone with messages that are ready, or the program on top of it. */
export type Kind = "lm" | "program";

/** What a block of calls took. */
export interface Block {
  readonly calls: number;
  readonly ms: number;
  /** Processor time of all threads, in microseconds. */
  readonly cpuUs: number;
}
