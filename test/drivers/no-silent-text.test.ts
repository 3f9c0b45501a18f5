import { describe, expect, test } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import type { Completion } from "../../src/core/completion.ts";
import { type ErrorCode, isTrunklineError, type TrunklineError } from "../../src/core/errors.ts";
import { silent } from "../../src/core/log.ts";
import { lookup } from "../../src/drivers/catalog.ts";
import { guard } from "../../src/drivers/guard.ts";
import { replies } from "../../src/testing/faulty/replies.ts";
import type { Reply } from "../../src/testing/faulty/reply.ts";
import { faultyServer } from "../../src/testing/faulty-server.ts";
import { type Backend, backends } from "./backends.ts";
import { callOptions, question } from "./call-options.ts";
import { realLine } from "./real-line.ts";

interface Told {
  readonly completion?: Completion;
  readonly error?: TrunklineError;
}

/** What one call makes of one reply, over a real socket. */
async function ask(backend: Backend, reply: Reply, streamed: boolean): Promise<Told> {
  await using server = await faultyServer({ script: reply });
  using line = realLine(server);
  const driver = lookup(`${backend.provider}/test-model`).makeDriver(line, { clock: systemClock });
  const call = guard(driver, { clock: systemClock, logger: () => silent });
  try {
    return {
      completion: await call(question("Q", {}, "test-model"), callOptions(streamed ? { onDelta() {} } : {})),
    };
  } catch (error) {
    if (!isTrunklineError(error)) throw error;
    return { error };
  }
}

const json = (value: unknown, more: Reply = {}): Reply => replies.json(value, more);
const text = (value: string, more: Reply = {}): Reply => ({
  headers: { "content-type": "application/json" },
  body: value,
  ...more,
});

/** What every provider may send in place of an answer, and what it is then. */
const cases: readonly (readonly [string, (backend: Backend) => Reply, ErrorCode | readonly ErrorCode[]])[] = [
  ["a 400", ({ error }) => json(error(400), { status: 400 }), "bad_request"],
  ["a 401", ({ error }) => json(error(401), { status: 401 }), "auth"],
  ["a 403", ({ error }) => json(error(403), { status: 403 }), "permission"],
  ["a 404", ({ error }) => json(error(404), { status: 404 }), "not_found"],
  ["a 429", ({ error }) => json(error(429), { status: 429 }), "rate_limit"],
  ["a 500", ({ error }) => json(error(500), { status: 500 }), "server_error"],
  ["a 503", ({ error }) => json(error(503), { status: 503 }), "overloaded"],
  ["a 529 without a body", () => ({ status: 529 }), "overloaded"],
  ["a redirect", () => ({ status: 302, headers: { location: "https://a.test/" } }), "not_found"],
  ["E1: an error inside a 200", ({ error }) => json(error(500)), ["server_error", "bad_request"]],
  ["a web page with status 200", () => replies.html(200), "bad_response"],
  ["a web page with status 502", () => replies.html(502), "server_error"],
  ["an empty body", () => text(""), "bad_response"],
  ["an empty stream", ({ streamed }) => streamed([]), ["incomplete", "bad_response"]],
  ["words that are no JSON", () => text("Internal error"), "bad_response"],
  ["broken JSON", ({ whole }) => text(`{"x":${whole.slice(5)}}`), ["bad_response", "incomplete"]],
  [
    "half of the JSON",
    ({ whole }) => text(whole.slice(0, whole.length / 2), { framing: "close" }),
    "incomplete",
  ],
  ["a list", () => json([]), "bad_response"],
  ["a list of texts", () => json(["A few words."]), "bad_response"],
  ["E1: an error in a list", ({ error }) => json([error(500)].flat()), ["server_error", "bad_request"]],
  ["null", () => json(null), "bad_response"],
  ["a number", () => json(7), "bad_response"],
  ["a text in quotes", () => json("A few words."), "bad_response"],
  [
    "bytes that are compressed, unasked",
    ({ whole }) => text(whole, { headers: { "content-encoding": "gzip" } }),
    "bad_response",
  ],
];

/** What may go wrong once a stream has begun: the answer's code, and that its text is not lost. */
const breaks: readonly (readonly [string, (backend: Backend) => Reply, ErrorCode | readonly ErrorCode[]])[] =
  [
    [
      "E3: a stream that ends too early",
      ({ streamed, stream, firstText }) => streamed(stream.slice(0, firstText)),
      "incomplete",
    ],
    [
      "a stream whose socket is closed",
      ({ streamed, stream, firstText }) => streamed(stream.slice(0, firstText), { end: "fin" }),
      ["network", "incomplete"],
    ],
    [
      "E2: an error in the middle of a stream",
      ({ streamed, stream, firstText, errorChunk }) => streamed([...stream.slice(0, firstText), errorChunk]),
      ["overloaded", "server_error"],
    ],
    [
      "W8: a chunk that is no JSON",
      ({ streamed, stream, firstText }) =>
        streamed([
          ...stream.slice(0, firstText),
          stream[0]!.replace('{"', '{"broken'.concat('":,"')),
          ...stream,
        ]),
      "bad_response",
    ],
  ];

for (const backend of backends) {
  describe(backend.provider, () => {
    for (const streamed of [false, true]) {
      describe(streamed ? "asked for a stream" : "asked for a whole answer", () => {
        test("a good answer is its text", async () => {
          const { completion } = await ask(
            backend,
            streamed ? backend.streamed(backend.stream) : text(backend.whole),
            streamed,
          );
          expect(completion?.text).toBe("A few words.");
        });

        test.each(cases)("%s is an error", async (_, reply, code) => {
          const { completion, error } = await ask(backend, reply(backend), streamed);
          expect(completion).toBeUndefined();
          expect([code].flat()).toContain(error!.code);
          expect(error).toMatchObject({ provider: backend.provider, model: "test-model" });
          expect(error!.partial).toBeUndefined();
        });

        test("an answer that says nothing is an error", async () => {
          for (const empty of backend.empties) {
            const { completion, error } = await ask(backend, json(empty), streamed);
            expect([completion, error?.code]).toEqual([undefined, "bad_response"]);
          }
        });

        test("a refusal is an error or an outcome of its own", async () => {
          for (const [refusal, expected] of backend.refusals) {
            const { completion, error } = await ask(backend, text(refusal), streamed);
            if (typeof expected === "string") expect(error?.code).toBe(expected);
            else expect(completion?.choices[0]).toMatchObject(expected);
          }
        });
      });
    }

    test.each(breaks)("%s is an error that carries the text so far", async (_, reply, code) => {
      const { error } = await ask(backend, reply(backend), true);
      expect([code].flat()).toContain(error!.code);
      expect(error!.partial?.text).toBe("A ");
    });
  });
}
