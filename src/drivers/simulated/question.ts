import type { Sampling } from "../../core/request.ts";

/** What the simulated model reads of a request; every ChatRequest is one. */
export interface Question
  extends Pick<Sampling, "maxTokens" | "responseFormat" | "tools" | "toolChoice" | "n" | "seed" | "stop"> {
  readonly model: string;
  readonly messages: readonly {
    readonly role: string;
    readonly content?: string | readonly { readonly type: string; readonly text?: string }[] | null;
    readonly toolCalls?: unknown;
  }[];
}
