import { describe, test } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { completion } from "../../src/core/completion.ts";
import { lookup } from "../../src/drivers/catalog.ts";
import { functionDriver, type RequestParameters } from "../../src/drivers/driver-lm.ts";
import type { Situation } from "../../src/testing/contract/cases.ts";
import { driverContract } from "../../src/testing/driver-contract.ts";
import { replies } from "../../src/testing/faulty/replies.ts";
import type { Reply } from "../../src/testing/faulty/reply.ts";
import { type FaultyServerOptions, faultyServer } from "../../src/testing/faulty-server.ts";
import { gate } from "../../src/testing/gate.ts";
import { type Backend, backends as natives } from "./backends.ts";
import { chunk } from "./fake-line.ts";
import { realLine } from "./real-line.ts";

const words = ["A ", "few ", "words."];

type Script = (request: { readonly path: string; readonly body: string }) => Reply;
type Situations = Readonly<Record<Situation, Script>>;

/** What a server of a provider's own protocol does in each situation. */
function situationsOf({ asksForStream, whole, stream, firstText, streamed, error }: Backend): Situations {
  const answer = replies.json(JSON.parse(whole));
  return {
    answers: (request) => (asksForStream(request) ? streamed(stream) : answer),
    waits: () => ({ before: gate() }),
    stalls: () => streamed([...stream.slice(0, firstText), gate()]),
    fails: () => replies.json(error(500), { status: 500 }),
  };
}

/** What a server of OpenAI's protocol does in each situation. */
const openaiLike: Situations = {
  answers: ({ body }: { body: string }) =>
    body.includes('"stream":true') ? replies.chatStream(words) : replies.chat(words.join("")),
  waits: (): Reply => ({ before: gate() }),
  stalls: () => replies.events([chunk("A few"), gate()]),
  fails: () => replies.error(500),
};

for (const wire of [
  { protocol: "h1" },
  { protocol: "h2", tls: true },
] as const satisfies FaultyServerOptions[]) {
  const servers = [
    ...["groq", "openrouter", "ollama-openai", "gemini-openai"].map((name) => ({
      name,
      situations: openaiLike,
    })),
    ...natives.map((backend) => ({ name: backend.provider, situations: situationsOf(backend) })),
  ];
  for (const { name, situations } of servers) {
    driverContract(
      `${name} over ${wire.protocol}`,
      async (situation) => {
        const server = await faultyServer({ ...wire, script: situations[situation] });
        const line = realLine(server);
        return {
          driver: lookup(`${name}/test-model`).makeDriver(line, { clock: systemClock }),
          stopped: () => server.saw((seen) => seen.inProgress.now === 0),
          close: async () => {
            line[Symbol.dispose]();
            await server.close();
          },
        };
      },
      { describe, test },
    );
  }
}

/** What a request function does in each situation; it says when its work was stopped. */
function requestFns(stop: () => void) {
  const untilStopped = ({ signal }: RequestParameters) =>
    new Promise<string>((_, reject) => {
      signal.addEventListener(
        "abort",
        () => {
          stop();
          reject(new DOMException("stopped", "AbortError"));
        },
        { once: true },
      );
    });
  return {
    answers: async ({ onDelta }: RequestParameters) => {
      for (const word of words) onDelta?.(word);
      return words.join("");
    },
    waits: untilStopped,
    stalls: (parameters: RequestParameters) => {
      parameters.onDelta?.("A few");
      return untilStopped(parameters);
    },
    fails: () => Promise.reject(new Error("no")),
  };
}

driverContract(
  "two functions",
  (situation) => {
    const stopped = Promise.withResolvers<void>();
    const driver = functionDriver({
      model: "test-model",
      requestFn: requestFns(stopped.resolve)[situation],
      outputFn: (text: string) =>
        completion(text, { inputTokens: 4, outputTokens: 3, rawFinishReason: "done" }),
      abilities: { images: false, files: false, tools: false, choices: false, responseFormat: "text" },
    });
    return { driver, stopped: () => stopped.promise };
  },
  { describe, test },
);
