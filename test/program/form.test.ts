import { describe, expect, test } from "vitest";
import { type Adapter, type Form, type LM, Predict, TrunklineError } from "../../src/index.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import { scriptedLM } from "../../src/testing/index.ts";
import { errorFrom } from "../../src/wire/http-error.ts";

const inputs = { question: "?" };

/** Asks in the strictest form that it is told of. */
const strict: Adapter = {
  name: "strict",
  plan: () => ({
    ask: (_, form: Form) => ({
      messages: [{ role: "user", content: form }],
      ...(form !== "text" && {
        responseFormat: form === "json" ? { type: form } : { type: form, schema: { type: "object" } },
      }),
    }),
    askAgain: (question) => question,
    read: (answer) => ({ values: { answer }, problems: [] }),
    reader: () => ({ push: () => [], end: () => [] }),
  }),
};

/** What a provider says that does not know the form. */
const refused = (message: string) =>
  errorFrom(
    { status: 400, headers: {}, model: "m", provider: "openai", clock: new FakeClock() },
    JSON.stringify({ error: { message, type: "invalid_request_error" } }),
  );

/** An LM whose backend refuses these forms. */
const refusing = (words: Readonly<Record<string, string>>, options = {}) =>
  scriptedLM(({ messages, responseFormat }) => {
    const word = responseFormat && words[responseFormat.type];
    return word === undefined ? (messages[0]!.content as string) : refused(word);
  }, options);

const ask = async (lm: LM) =>
  (await new Predict("question -> answer", { adapter: strict }).call(inputs, { lm })).answer;

describe("the form of an answer", () => {
  test.each(["json_schema", "json", "text"] as const)(
    "is what the driver can hold: %s",
    async (responseFormat) => {
      const lm = refusing({}, { abilities: { responseFormat } });
      expect(await ask(lm)).toBe(responseFormat);
      expect(lm.calls[0]!.request.responseFormat?.type).toBe(
        responseFormat === "text" ? undefined : responseFormat,
      );
    },
  );

  test("with fallbacks it is what all of them can hold", async () => {
    const weak = refusing({}, { abilities: { responseFormat: "json" } });
    expect(await ask(refusing({}, { fallbacks: [weak] }))).toBe("json");
  });

  test.each([
    "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model.",
    "Unknown name at 'generation_config.response_schema.properties'",
    "output_format.schema: additionalProperties must be false",
    "failed to parse grammar",
  ])("steps down where a 400 names it, and the model is known for it from then on: %s", async (message) => {
    const lm = refusing({ json_schema: message });
    expect(await ask(lm)).toBe("json");
    expect(lm.calls.length).toBe(2);
    expect(await ask(lm)).toBe("json");
    expect(lm.calls.length).toBe(3);
  });

  test("steps down to no form at all where the looser one is refused, too", async () => {
    const about = "response_format is not supported";
    const lm = refusing({ json_schema: about, json: about });
    expect(await ask(lm)).toBe("text");
    expect(await ask(lm)).toBe("text");
    expect(lm.calls.length).toBe(4);
  });

  test("is remembered for that model alone", async () => {
    const lm = refusing({ json_schema: "response_format" });
    await ask(lm);
    expect(await ask(refusing({}))).toBe("json_schema");
  });

  test.each([
    ["a 400 about something else", () => refused("temperature must be at most 2")],
    [
      "another failure that names it",
      () => new TrunklineError("server_error", "response_format", { retryable: false }),
    ],
  ])("stays for %s, which is passed on", async (_, error) => {
    const lm = scriptedLM(error);
    await expect(ask(lm)).rejects.toBeInstanceOf(TrunklineError);
    expect(lm.calls.length).toBe(1);
    const other = scriptedLM(({ messages }) => messages[0]!.content as string);
    expect(await ask(other)).toBe("json_schema");
  });

  test("an adapter that asks for no form has none to step down from", async () => {
    const lm = scriptedLM(() => refused("response_format"));
    await expect(
      new Predict("question -> answer", { adapter: "chat" }).call(inputs, { lm }),
    ).rejects.toMatchObject({
      code: "bad_request",
    });
    expect(lm.calls.length).toBe(1);
  });
});
