import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isTrunklineError, type TrunklineError } from "../../src/core/errors.ts";
import type { Message, Part } from "../../src/core/message.ts";
import { type ChatRequest, makeRequest } from "../../src/core/request.ts";
import { decodeRequest, encodeRequest, type Quirks, standardQuirks } from "../../src/wire/openai-chat.ts";

const hi: readonly Message[] = [{ role: "user", content: "Hi." }];

function bodyOf(
  request: Partial<ChatRequest>,
  quirks: Partial<Quirks> = {},
  stream = false,
): Record<string, unknown> {
  const whole = { model: "m", messages: hi, ...request };
  return JSON.parse(encodeRequest(whole, { stream, quirks: { ...standardQuirks, ...quirks } }));
}

function failure(work: () => unknown): TrunklineError {
  try {
    work();
  } catch (error) {
    if (isTrunklineError(error)) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("what is sent", () => {
  const schema = {
    type: "object",
    properties: { a: { type: "string" } },
    required: ["a"],
    additionalProperties: false,
  };
  const table: readonly (readonly [string, Partial<ChatRequest>, Partial<Quirks>, object])[] = [
    ["nothing that was not asked for", {}, {}, {}],
    [
      "sampling",
      { temperature: 0, topP: 0.5, stop: ["x"], seed: 7, n: 2, maxTokens: 5 },
      {},
      { temperature: 0, top_p: 0.5, stop: ["x"], seed: 7, n: 2, max_tokens: 5 },
    ],
    [
      "maxTokens by its other name",
      { maxTokens: 5 },
      { maxTokens: "max_completion_tokens" },
      { max_completion_tokens: 5 },
    ],
    ["no seed where none is taken", { seed: 7 }, { seed: false }, {}],
    ["no temperature where none is taken", { temperature: 1 }, { temperature: false }, {}],
    ["effort", { reasoningEffort: "low" }, {}, { reasoning_effort: "low" }],
    [
      "effort as an object",
      { reasoningEffort: "low" },
      { reasoningEffort: "reasoning" },
      { reasoning: { effort: "low" } },
    ],
    ["no effort", { reasoningEffort: "low" }, { reasoningEffort: "omit" }, {}],
    [
      "tools",
      { tools: [{ name: "f", description: "d", inputSchema: schema }], toolChoice: { tool: "f" } },
      {},
      {
        tools: [{ type: "function", function: { name: "f", description: "d", parameters: schema } }],
        tool_choice: { type: "function", function: { name: "f" } },
      },
    ],
    ["a tool choice", { toolChoice: "required" }, {}, { tool_choice: "required" }],
    ["a JSON form", { responseFormat: { type: "json" } }, {}, { response_format: { type: "json_object" } }],
    [
      "a strict schema",
      { responseFormat: { type: "json_schema", schema } },
      {},
      { response_format: { type: "json_schema", json_schema: { name: "answer", schema, strict: true } } },
    ],
    [
      "a schema that strict mode refuses",
      { responseFormat: { type: "json_schema", name: "n", schema: { type: "object" } } },
      {},
      {
        response_format: {
          type: "json_schema",
          json_schema: { name: "n", schema: { type: "object" }, strict: false },
        },
      },
    ],
    [
      "a schema that steps down to JSON",
      { responseFormat: { type: "json_schema", schema } },
      { responseFormat: "json" },
      { response_format: { type: "json_object" } },
    ],
    [
      "a schema that steps down to nothing",
      { responseFormat: { type: "json_schema", schema } },
      { responseFormat: "text" },
      {},
    ],
    [
      "extra members",
      { extra: { top_k: 3, temperature: 2 }, temperature: 1 },
      {},
      { top_k: 3, temperature: 2 },
    ],
  ];
  for (const [title, request, quirks, expected] of table) {
    test(title, () => {
      expect(bodyOf(request, quirks)).toEqual({ model: "m", messages: hi, ...expected });
    });
  }

  test("a stream asks for its usage, where that is understood", () => {
    expect(bodyOf({}, {}, true)).toMatchObject({ stream: true, stream_options: { include_usage: true } });
    expect(bodyOf({}, { streamUsage: false }, true)).not.toHaveProperty("stream_options");
  });

  test("the model's name on the wire", () => {
    const body = encodeRequest({ model: "openai/m", messages: hi }, { stream: false, model: "m" });
    expect(JSON.parse(body).model).toBe("m");
  });

  for (const name of ["messages", "model", "stream"]) {
    test(`extra may not say ${name}`, () => {
      const error = failure(() => bodyOf({ extra: { [name]: "x" } }));
      expect(error.code).toBe("config");
      expect(error.message).toContain(`"${name}"`);
    });
  }

  test("extra members with a prototype's name are members", () => {
    const extra = JSON.parse('{"__proto__":{"model":"x"},"constructor":1}');
    const text = encodeRequest({ model: "m", messages: hi, extra }, { stream: false });
    expect(text).toContain('"__proto__":{"model":"x"}');
    expect(JSON.parse(text).model).toBe("m");
  });
});

describe("messages", () => {
  const sent = (message: Message, quirks: Partial<Quirks> = {}): unknown =>
    (bodyOf({ messages: [message] }, quirks).messages as unknown[])[0];
  const user = (...content: Part[]): Message => ({ role: "user", content });
  const png = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a]);
  const calls = [{ id: "a", name: "f", arguments: { x: 1 }, argumentsText: '{"x": 1}' }];
  const wireCalls = [{ id: "a", type: "function", function: { name: "f", arguments: '{"x": 1}' } }];

  const table: readonly (readonly [string, Message, object, Partial<Quirks>?])[] = [
    ["system", { role: "system", content: "s" }, { role: "system", content: "s" }],
    [
      "system as developer",
      { role: "system", content: "s" },
      { role: "developer", content: "s" },
      { systemRole: "developer" },
    ],
    [
      "text parts",
      user({ type: "text", text: "a" }),
      { role: "user", content: [{ type: "text", text: "a" }] },
    ],
    [
      "an image by address",
      user({ type: "image", url: "https://x/y.png" }),
      { role: "user", content: [{ type: "image_url", image_url: { url: "https://x/y.png" } }] },
    ],
    [
      "an image as a plain string",
      user({ type: "image", url: "https://x/y.png" }),
      { role: "user", content: [{ type: "image_url", image_url: "https://x/y.png" }] },
      { image: "string" },
    ],
    [
      "an image's bytes",
      user({ type: "image", data: png, mediaType: "image/x" }),
      { role: "user", content: [{ type: "image_url", image_url: { url: "data:image/x;base64,iVBORw0K" } }] },
    ],
    [
      "an image's kind from its bytes",
      user({ type: "image", data: png }),
      {
        role: "user",
        content: [{ type: "image_url", image_url: { url: "data:image/png;base64,iVBORw0K" } }],
      },
    ],
    [
      "a file",
      user({ type: "file", data: "JVBERi0=", name: "a.pdf" }),
      {
        role: "user",
        content: [
          { type: "file", file: { filename: "a.pdf", file_data: "data:application/pdf;base64,JVBERi0=" } },
        ],
      },
    ],
    [
      "a file by address, where taken",
      user({ type: "file", url: "https://x/a.pdf" }),
      { role: "user", content: [{ type: "file", file: { file_data: "https://x/a.pdf" } }] },
      { fileUrls: true },
    ],
    [
      "sound",
      user({ type: "file", data: "UklGRg==", mediaType: "audio/wav" }),
      { role: "user", content: [{ type: "input_audio", input_audio: { data: "UklGRg==", format: "wav" } }] },
    ],
    [
      "tool calls, their text as sent",
      { role: "assistant", content: "", toolCalls: calls },
      { role: "assistant", content: null, tool_calls: wireCalls },
    ],
    [
      "tool calls beside text",
      { role: "assistant", content: "t", toolCalls: calls },
      { role: "assistant", content: "t", tool_calls: wireCalls },
    ],
    [
      "a call written by hand",
      { role: "assistant", content: "", toolCalls: [{ id: "a", name: "f", arguments: { x: 1 } } as never] },
      {
        role: "assistant",
        content: null,
        tool_calls: [{ ...wireCalls[0], function: { name: "f", arguments: '{"x":1}' } }],
      },
    ],
    [
      "an empty assistant turn",
      { role: "assistant", content: "", toolCalls: [] },
      { role: "assistant", content: "" },
    ],
    [
      "a tool's result",
      { role: "tool", toolCallId: "a", content: "r" },
      { role: "tool", tool_call_id: "a", content: "r" },
    ],
    [
      "thinking is not sent back",
      { role: "assistant", content: "t", reasoning: "r" },
      { role: "assistant", content: "t" },
    ],
    [
      "thinking is sent back where it must be",
      { role: "assistant", content: "t", reasoning: "r" },
      { role: "assistant", content: "t", reasoning_content: "r" },
      { reasoningBack: "reasoning_content" },
    ],
  ];
  for (const [title, message, expected, quirks] of table) {
    test(title, () => {
      expect(sent(message, quirks)).toEqual(expected);
    });
  }

  test("a file's address where only bytes are taken, and bytes of no known kind, are refused before sending", () => {
    expect(failure(() => sent(user({ type: "file", url: "https://x/a.pdf" }))).code).toBe("bad_request");
    expect(failure(() => sent(user({ type: "image", data: "AAAA" })))).toMatchObject({
      code: "bad_request",
      message: expect.stringContaining("mediaType"),
    });
  });
});

describe("what is received", () => {
  const decode = (body: object) => decodeRequest(JSON.stringify({ model: "m", messages: hi, ...body }));

  test("null is what was left open", () => {
    expect(
      decode({ temperature: null, stop: null, tools: null, stream: null, stream_options: null }),
    ).toEqual({
      request: { model: "m", messages: hi },
      stream: false,
      streamUsage: false,
    });
  });

  test("streams and their usage", () => {
    expect(decode({ stream: true, stream_options: { include_usage: true } })).toMatchObject({
      stream: true,
      streamUsage: true,
    });
    expect(decode({ stream: true })).toMatchObject({ stream: true, streamUsage: false });
  });

  test("members without a word of ours are extra, a prototype's name too", () => {
    const { request } = decodeRequest(
      '{"model":"m","messages":[{"role":"user","content":"x"}],"top_k":3,"__proto__":{"n":9},"stop":"s"}',
    );
    expect(request.stop).toEqual(["s"]);
    expect(request.n).toBeUndefined();
    expect(Object.entries(request.extra!)).toEqual([
      ["top_k", 3],
      ["__proto__", { n: 9 }],
    ]);
    expect(Object.getPrototypeOf(request.extra)).toBe(Object.prototype);
  });

  test("the developer's role, refusals and content parts of an assistant", () => {
    const messages = [
      { role: "developer", content: "d" },
      {
        role: "assistant",
        content: [
          { type: "text", text: "a" },
          { type: "refusal", refusal: "b" },
        ],
      },
      { role: "assistant", content: null, refusal: "no" },
      {
        role: "assistant",
        content: null,
        tool_calls: [{ id: "i", function: { name: "f", arguments: "{" } }],
      },
    ];
    expect(decode({ messages }).request.messages).toEqual([
      { role: "system", content: "d" },
      { role: "assistant", content: "ab" },
      { role: "assistant", content: "no" },
      {
        role: "assistant",
        content: "",
        toolCalls: [{ id: "i", name: "f", arguments: {}, argumentsText: "{" }],
      },
    ]);
  });

  test("a data URL that is not base64 stays an address", () => {
    for (const url of ["data:text/plain,hello", "data:,x", "data:image/svg+xml;utf8,<svg/>"]) {
      const messages = [{ role: "user", content: [{ type: "image_url", image_url: { url } }] }];
      expect(decode({ messages }).request.messages[0]!.content).toEqual([{ type: "image", url }]);
    }
  });

  const message = (value: object) => ({ messages: [{ role: "user", content: "ok" }, value] });
  const secret = "a prompt nobody may see";
  const wrong: readonly (readonly [object, RegExp])[] = [
    [{ model: 7 }, /^model: expected/],
    [{ messages: secret }, /^messages: expected/],
    [{ messages: [] }, /^messages: expected/],
    [{ stream: secret }, /^stream: expected/],
    [{ temperature: "hot" }, /^temperature: expected a number.*"hot"/],
    [{ max_completion_tokens: 0 }, /^max_completion_tokens: expected/],
    [{ stop: [7] }, /^stop: expected/],
    [{ tools: [{ type: "web_search" }] }, /^tools\[0\]: expected a function/],
    [{ tool_choice: secret }, /^tool_choice: expected/],
    [{ response_format: { type: "json_schema" } }, /^response_format: expected/],
    [message({ role: "function", content: secret }), /^messages\[1\]\.role: expected.*"function"/],
    [message({ role: secret }), /^messages\[1\]\.role: expected/],
    [message({ role: "user", content: 7 }), /^messages\[1\]\.content: expected/],
    [message({ role: "user", content: [{ type: "image_url" }] }), /^messages\[1\]\.content\[0\]: expected/],
    [message({ role: "user", content: [secret] }), /^messages\[1\]\.content\[0\]: expected/],
    [message({ role: "tool", content: secret }), /^messages\[1\]\.tool_call_id: expected/],
    [message({ role: "assistant", tool_calls: [{ id: "a" }] }), /^messages\[1\]\.tool_calls\[0\]: expected/],
    [message({ role: "assistant", content: [{ type: "image_url", image_url: "https://x" }] }), /text alone/],
  ];
  for (const [body, expected] of wrong) {
    test(`wrong: ${String(expected)}`, () => {
      const error = failure(() => decode(body));
      expect(error).toMatchObject({ code: "bad_request", status: 400 });
      expect(error.message).toMatch(expected);
      expect(error.message).not.toContain(secret);
    });
  }
  test("no JSON", () => {
    for (const body of ["", "{", "[]", "7"])
      expect(failure(() => decodeRequest(body)).message).toMatch(/^body: expected/);
  });
  test("any JSON is read or refused", () => {
    const member = fc.jsonValue({ maxDepth: 3 });
    const some = fc.record({
      role: fc.oneof(fc.constantFrom("user", "assistant", "tool", "system"), member),
      content: member,
      tool_calls: member,
      tool_call_id: member,
    });
    const body = fc.record(
      {
        model: fc.oneof(fc.constant("m"), member),
        messages: fc.oneof(fc.array(some), member),
        stream: member,
        tools: member,
        tool_choice: member,
        response_format: member,
        stop: member,
      },
      { requiredKeys: ["model", "messages"] },
    );
    fc.assert(
      fc.property(body, (value) => {
        try {
          decodeRequest(JSON.stringify(value));
        } catch (error) {
          expect(isTrunklineError(error) && error.code).toBe("bad_request");
        }
      }),
    );
  });
});

describe("which schemas OpenAI's strict mode takes", () => {
  const closed = {
    type: "object",
    properties: { a: { type: "string" } },
    required: ["a"],
    additionalProperties: false,
  };
  const open = { type: "object", properties: { a: { type: "string" } } };
  const of = (a: unknown) => ({ ...closed, properties: { a } });
  const table: readonly (readonly [string, unknown, boolean])[] = [
    ["a closed object", closed, true],
    ["an open object", open, false],
    ["an object that is open by word", { ...closed, additionalProperties: true }, false],
    ["a member that may be absent", { ...closed, required: [] }, false],
    ["no list of what is required", { ...closed, required: undefined }, false],
    ["an open object inside", of(open), false],
    ["a closed object inside", of(closed), true],
    ["a list of closed objects", of({ type: "array", items: closed }), true],
    ["a list of open objects", of({ type: "array", items: open }), false],
    ["a choice of closed objects", of({ anyOf: [closed, { type: "null" }] }), true],
    ["a choice with an open object", of({ anyOf: [closed, open] }), false],
    ["allOf", of({ allOf: [closed] }), false],
    ["oneOf", of({ oneOf: [closed] }), false],
    ["definitions that are closed", { ...closed, $defs: { d: closed } }, true],
    ["definitions that are open", { ...closed, $defs: { d: open } }, false],
    ["an object without members", { type: "object", additionalProperties: false, required: [] }, true],
    ["no schema", of("x"), false],
  ];
  for (const [title, schema, strict] of table) {
    test(title, () => {
      const body = bodyOf({
        responseFormat: { type: "json_schema", schema: schema as Record<string, unknown> },
      });
      expect(body).toMatchObject({ response_format: { json_schema: { strict } } });
    });
  }
  test("one without a bottom is not claimed to be strict", () => {
    let deep: unknown = closed;
    for (let i = 0; i < 100; i++) deep = of(deep);
    expect(
      bodyOf({ responseFormat: { type: "json_schema", schema: deep as Record<string, unknown> } }),
    ).toMatchObject({
      response_format: { json_schema: { strict: false } },
    });
  });
});

const text = fc.string({ unit: "grapheme", maxLength: 20 });
const word = fc.string({ minLength: 1, maxLength: 8 });
const object = fc.dictionary(word, fc.jsonValue({ maxDepth: 1 }));
const media = fc.oneof(
  fc.record({ type: fc.constant("image" as const), url: fc.webUrl() }),
  fc.record({
    type: fc.constant("image" as const),
    data: fc.base64String({ minLength: 4 }),
    mediaType: fc.constantFrom("image/png", "image/svg+xml"),
  }),
  fc.record({
    type: fc.constant("file" as const),
    data: fc.base64String({ minLength: 4 }),
    mediaType: fc.constantFrom("application/pdf", "audio/mpeg", "text/x"),
  }),
  fc.record({ type: fc.constant("file" as const), url: fc.webUrl(), name: word }),
);
const textPart = fc.record({ type: fc.constant("text" as const), text });
const content = fc.oneof(text, fc.array(fc.oneof(textPart, media), { maxLength: 3 }));
const call = fc.tuple(word, word, object).map(([id, name, args]) => {
  const argumentsText = JSON.stringify(args);
  return { id, name, arguments: JSON.parse(argumentsText), argumentsText };
});
const message: fc.Arbitrary<Message> = fc.oneof(
  fc.record({ role: fc.constant("system" as const), content: text }),
  fc.record({ role: fc.constant("user" as const), content }),
  fc.record(
    {
      role: fc.constant("assistant" as const),
      content: text,
      toolCalls: fc.array(call, { minLength: 1, maxLength: 2 }),
      reasoning: word,
    },
    { requiredKeys: ["role", "content"] },
  ),
  fc.record({ role: fc.constant("tool" as const), toolCallId: word, content: text }),
);
const sampling = fc.record(
  {
    temperature: fc.integer({ min: 0, max: 2 }),
    maxTokens: fc.integer({ min: 1, max: 9999 }),
    topP: fc.double({ min: 0, max: 1, noNaN: true }).map((n) => n + 0),
    stop: fc.array(word, { maxLength: 3 }),
    seed: fc.integer(),
    n: fc.integer({ min: 1, max: 5 }),
    tools: fc.array(
      fc.record(
        { name: word, description: word, inputSchema: object },
        { requiredKeys: ["name", "inputSchema"] },
      ),
    ),
    toolChoice: fc.oneof(
      fc.constantFrom("auto" as const, "none" as const, "required" as const),
      word.map((tool) => ({ tool })),
    ),
    responseFormat: fc.oneof(
      fc.constantFrom({ type: "text" as const }, { type: "json" as const }),
      fc.record({ type: fc.constant("json_schema" as const), name: word, schema: object }),
    ),
    reasoningEffort: fc.constantFrom("minimal" as const, "high" as const),
    extra: fc.dictionary(
      fc.constantFrom("top_k", "user", "logprobs", "__proto__"),
      fc.jsonValue({ maxDepth: 1 }),
      { minKeys: 1 },
    ),
  },
  { requiredKeys: [] },
);

test("a request comes back from its body, under every quirk that loses nothing", () => {
  const quirks = fc.record({
    maxTokens: fc.constantFrom("max_tokens" as const, "max_completion_tokens" as const),
    systemRole: fc.constantFrom("system" as const, "developer" as const),
    image: fc.constantFrom("object" as const, "string" as const),
    streamUsage: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.array(message, { minLength: 1, maxLength: 4 }),
      sampling,
      quirks,
      fc.boolean(),
      (messages, options, some, stream) => {
        const request = makeRequest("m", { messages, ...options }, {}, {});
        const whole: Quirks = {
          ...standardQuirks,
          ...some,
          fileUrls: true,
          reasoningBack: "reasoning_content",
        };
        const got = decodeRequest(encodeRequest(request, { stream, quirks: whole }));
        // JSON has no -0 and no undefined.
        expect(got).toEqual({
          request: JSON.parse(JSON.stringify(request)),
          stream,
          streamUsage: stream && whole.streamUsage,
        });
      },
    ),
    { numRuns: 300 },
  );
});
