import { completion } from "../../src/core/completion.ts";
import type { TrunklineError } from "../../src/core/errors.ts";
import { DriverLM } from "../../src/lm/driver-lm.ts";

/** The text of the last user turn of a prompt, as a scripted model sees it. */
export type Reply = (prompt: string) => string | Error | Promise<string>;

/** Fields in the form of the chat adapter. */
export function fields(values: Readonly<Record<string, unknown>>): string {
  const parts = Object.entries(values).map(
    ([name, value]) => `[[ ## ${name} ## ]]\n${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  return [...parts, "[[ ## completed ## ]]"].join("\n\n");
}

/** An LM that answers as a function says, with 10 tokens in and 2 out at a dollar a token. */
export function scripted(reply: Reply, name = "scripted"): DriverLM & { readonly asked: string[] } {
  const asked: string[] = [];
  const lm = new DriverLM({
    model: name,
    cache: false,
    maxRetries: 0,
    price: { input: 1_000_000, output: 1_000_000 },
    requestFn: async ({ prompt }) => {
      asked.push(prompt);
      const answer = await reply(prompt);
      if (answer instanceof Error) throw answer;
      return answer;
    },
    outputFn: (raw: string) => completion(raw, { inputTokens: 10, outputTokens: 2, finishReason: "stop" }),
  });
  return Object.assign(lm, { asked });
}

/** What a promise rejects with. */
export async function failureOf(promise: Promise<unknown>): Promise<TrunklineError> {
  try {
    await promise;
  } catch (error) {
    return error as TrunklineError;
  }
  throw new Error("it did not fail");
}
