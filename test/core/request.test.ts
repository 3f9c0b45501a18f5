import { describe, expect, test } from "vitest";
import { textOf } from "../../src/core/message.ts";
import { type Input, makeEmbedRequest, makeRequest } from "../../src/core/request.ts";

const request = (input: unknown, call = {}, defaults = {}) =>
  makeRequest("m", input as Input, call, defaults);
const config = (message: string) =>
  expect.objectContaining({ code: "bad_request", message: expect.stringContaining(message) });

describe("makeRequest", () => {
  test("a string is one user message", () => {
    expect(request("Say hi.")).toEqual({ model: "m", messages: [{ role: "user", content: "Say hi." }] });
  });

  test("the input's own options go before the call's, and those before the defaults", () => {
    const input = { messages: [{ role: "user", content: "x" }], temperature: 0, topP: undefined };
    const made = request(
      input,
      { temperature: 1, topP: 0.5, maxTokens: 5 },
      { topP: 0.9, maxTokens: 9, seed: 7 },
    );
    expect(made).toMatchObject({ temperature: 0, topP: 0.5, maxTokens: 5, seed: 7 });
  });

  test("options that are no sampling options do not reach the request", () => {
    expect(request("x", { timeout: 5 }, { apiKey: "k" })).toEqual({
      model: "m",
      messages: expect.anything(),
    });
  });

  test("Z12: nothing the caller changes afterwards reaches the request", () => {
    const parts = [{ type: "text", text: "a" }];
    const schema = { type: "object", properties: { a: { type: "string" } } };
    const messages = [
      { role: "user", content: parts },
      {
        role: "assistant",
        content: "",
        toolCalls: [{ id: "1", name: "f", arguments: { a: 1 }, argumentsText: "" }],
      },
      { role: "user", content: "flat" },
      { role: "assistant", content: "x", opaque: { wire: [{ signature: "s" }] } },
    ];
    const extra = { nested: { list: [1] } };
    const made = request({ messages, extra, tools: [{ name: "f", inputSchema: schema }] });
    const before = JSON.stringify(made);
    parts[0]!.text = "b";
    messages[1]!.toolCalls![0]!.arguments.a = 2;
    messages[2]!.content = "changed";
    messages[3]!.opaque!.wire[0]!.signature = "changed";
    schema.properties.a.type = "number";
    extra.nested.list.push(2);
    messages.pop();
    expect(JSON.stringify(made)).toBe(before);
  });

  test("a request is frozen at every depth", () => {
    const made = request({
      messages: [{ role: "user", content: [{ type: "text", text: "a" }] }],
      extra: { a: { b: [1] } },
      stop: ["x"],
    });
    const thaw = (value: unknown): unknown[] =>
      typeof value === "object" && value !== null
        ? [...(Object.isFrozen(value) ? [] : [value]), ...Object.values(value).flatMap(thaw)]
        : [];
    expect(thaw(made)).toEqual([]);
  });

  test("bytes of an image are shared, not copied", () => {
    const data = new Uint8Array([1, 2]);
    const made = request([{ role: "user", content: [{ type: "image", data, mediaType: "image/png" }] }]);
    expect((made.messages[0]!.content[0] as { data: unknown }).data).toBe(data);
  });

  test("C4: a member called __proto__ stays a member", () => {
    const made = request("x", { extra: JSON.parse('{"__proto__":{"a":1}}') });
    expect(JSON.stringify(made.extra)).toBe('{"__proto__":{"a":1}}');
    expect((made.extra as { a?: unknown }).a).toBeUndefined();
    expect(({} as { a?: unknown }).a).toBeUndefined();
  });

  test.each<[unknown, string]>([
    [undefined, "input: expected a string, a list of messages, or an object with `messages`, got undefined"],
    [null, "input: expected"],
    [5, "input: expected"],
    [{}, "input: expected"],
    [[], "messages: expected at least one message"],
    [["text"], "messages[0]: expected a message { role, content }"],
    [
      [{ role: "human", content: "x" }],
      'messages[0].role: expected one of "system", "user", "assistant", "tool", got a string of 5 characters',
    ],
    [[{ role: "user" }], "messages[0].content: expected a string or a list of parts, got undefined"],
    [[{ role: "tool", content: "x" }], "messages[0].toolCallId: expected the id of the tool call"],
    [[{ role: "user", content: ["x"] }], "messages[0].content[0]"],
    [
      [{ role: "user", content: [{ type: "video", url: "x" }] }],
      'messages[0].content[0].type: expected one of "text"',
    ],
    [[{ role: "user", content: [{ type: "text" }] }], "messages[0].content[0].text: expected a string"],
    [
      [{ role: "user", content: [{ type: "image" }] }],
      "messages[0].content[0]: expected either `data` or `url`",
    ],
    [[{ role: "user", content: [{ type: "file", url: "x", data: "y" }] }], "either `data` or `url`"],
    [
      { messages: [{ role: "user", content: "x" }], temprature: 1 },
      'unknown option "temprature"; did you mean "temperature"',
    ],
    [
      { messages: [{ role: "user", content: "x" }], n: 0 },
      "request: n: expected a whole number of 1 or more, got 0",
    ],
    [{ messages: [{ role: "user", content: "x" }], stop: "x" }, "request: stop: expected a list of strings"],
    [
      { messages: [{ role: "user", content: "x" }], toolChoice: "any" },
      'request: toolChoice: expected "auto", "none", "required"',
    ],
    [
      { messages: [{ role: "user", content: "x" }], responseFormat: { type: "xml" } },
      "responseFormat: expected a type that is",
    ],
  ])("bad input names its place: %j", (input, message) => {
    expect(() => request(input)).toThrow(config(message));
  });

  test("a prompt never shows in an error", () => {
    const secret = "the whole secret prompt of a user ".repeat(4);
    try {
      request([{ role: "user", content: { secret } }]);
      expect.unreachable();
    } catch (error) {
      expect(String(error)).not.toContain("secret prompt");
    }
  });
});

describe("textOf", () => {
  test("joins the text of the parts and leaves media out", () => {
    expect(textOf("plain")).toBe("plain");
    expect(
      textOf([
        { type: "text", text: "a" },
        { type: "image", url: "u" },
        { type: "text", text: "b" },
      ]),
    ).toBe("ab");
  });
});

describe("what is not plain data", () => {
  const cycle: Record<string, unknown> = {};
  cycle.self = cycle;
  test.each<[string, unknown, RegExp]>([
    ["a cycle", cycle, /extra(\.self)+\S*: expected plain data at most 100 levels deep/],
    ["a Date", { at: new Date(0) }, /extra\.at: expected plain data, got a Date/],
    ["a Map", { list: [new Map()] }, /extra\.list\[0\]: expected plain data, got a Map/],
  ])("%s in `extra` is named with its place", (_, extra, message) => {
    expect(() => makeRequest("m", "x", { extra: extra as never }, {})).toThrow(message);
  });
});

describe("embed requests", () => {
  test("each text is a message, and the whole is frozen", () => {
    const texts = ["one", "two"];
    const extra = { taskType: "QUERY", list: [1] };
    const made = makeEmbedRequest("m", texts, { dimensions: 3, extra });
    texts.pop();
    extra.list.push(2);
    expect(made).toEqual({
      model: "m",
      messages: [
        { role: "user", content: "one" },
        { role: "user", content: "two" },
      ],
      embed: { dimensions: 3 },
      extra: { taskType: "QUERY", list: [1] },
    });
    for (const part of [made, made.messages, made.messages[0], made.embed, made.extra]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
    expect(makeEmbedRequest("m", ["one"]).embed).toEqual({});
  });

  test.each([
    ["no list", "one", {}, "a list of at least one text"],
    ["an empty list", [], {}, "a list of at least one text"],
    ["a text that is none", ["one", 2], {}, "texts[1]"],
    ["an empty text", ["one", ""], {}, "texts[1]"],
    ["dimensions", ["one"], { dimensions: 0 }, "dimensions"],
    ["an unknown option", ["one"], { dimension: 3 }, 'did you mean "dimensions"?'],
  ])("bad input: %s", (_, texts, options, says) => {
    expect(() => makeEmbedRequest("m", texts as string[], options as object)).toThrow(says);
  });
});
