import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Delta } from "../../src/core/call.ts";
import type { Completion } from "../../src/core/completion.ts";
import { answer, bytes, chunk, cut, events, json, read, stream } from "./support.ts";

const usage = { prompt_tokens: 9, completion_tokens: 4, total_tokens: 13 };
const end = chunk({}, "stop");

/** The completion of a stream that must be read without an error. */
function good(body: string): Completion {
  const { completion, error } = read(body);
  if (completion === undefined) throw error;
  return completion;
}

describe("a good stream", () => {
  const body = events(
    chunk({ role: "assistant", content: "" }, null, { usage: null }),
    chunk({ content: "Hé" }),
    chunk({ content: "llo 😀" }),
    end,
    { id: "a1", model: "said", choices: [], usage },
    "[DONE]",
  );

  test("gives deltas and the completion", () => {
    const { completion, deltas } = read(body);
    expect(deltas).toEqual([{ text: "Hé" }, { text: "llo 😀" }]);
    expect(completion).toEqual({
      text: "Héllo 😀",
      choices: [
        {
          index: 0,
          message: { role: "assistant", content: "Héllo 😀" },
          finishReason: "stop",
          rawFinishReason: "stop",
        },
      ],
      usage: {
        inputTokens: 9,
        outputTokens: 4,
        totalTokens: 13,
        cachedInputTokens: 0,
        cacheWriteTokens: 0,
        raw: usage,
      },
      model: "said",
      cacheHit: false,
      id: "a1",
    });
  });

  test("W1 W2: cut at every byte it is the same", () => {
    const all = bytes(body);
    const whole = read(body).completion;
    for (let at = 1; at < all.length; at++) expect(read(cut(all, [at])).completion).toEqual(whole);
    expect(read([...all].map((byte) => Uint8Array.of(byte))).completion).toEqual(whole);
  });

  test("without a listener the completion is the same", () => {
    const { completion, deltas } = read(body, stream, { listen: false });
    expect(completion).toEqual(read(body).completion);
    expect(deltas).toEqual([]);
  });

  test("the model that was asked stands in where the answer names none", () => {
    expect(good(events({ choices: [{ delta: { content: "x" }, finish_reason: "stop" }] })).model).toBe(
      "asked",
    );
  });
});

describe("W7: chunks with nothing to say", () => {
  const quiet: readonly (readonly [string, object])[] = [
    ["choices empty", { choices: [], usage }],
    ["choices null", { choices: null, usage }],
    ["choices missing", { usage }],
    ["Azure's first: empty choices and filter results", { choices: [], prompt_filter_results: [{}] }],
    [
      "a late filter annotation",
      { choices: [{ index: 0, finish_reason: null, content_filter_results: {} }] },
    ],
    ["delta null", { choices: [{ index: 0, delta: null, finish_reason: null }] }],
    ["content null", { choices: [{ index: 0, delta: { content: null }, finish_reason: null }] }],
    ["an object of another kind", { type: "ping" }],
  ];
  for (const [title, piece] of quiet) {
    test(title, () => {
      for (const body of [
        events(piece, chunk({ content: "x" }), end),
        events(chunk({ content: "x" }), end, piece),
      ]) {
        expect(good(body).text).toBe("x");
      }
    });
  }

  test("usage of the last chunk that has any wins, Groq's too", () => {
    const first = { ...usage, completion_tokens: 1, total_tokens: 10 };
    expect(
      good(events(chunk({ content: "x" }, null, { usage: first }), end, { choices: [], usage })).usage.raw,
    ).toEqual(usage);
    expect(
      good(events(chunk({ content: "x" }), chunk({}, "stop", { x_groq: { id: "g", usage } }))).usage.raw,
    ).toEqual(usage);
  });
});

describe("how a stream ends", () => {
  const text = chunk({ content: "half" });

  test("E3: without finish reason or [DONE] it is incomplete, with what had come", () => {
    const { error } = read(events(text));
    expect(error).toMatchObject({ code: "incomplete", retryable: false, provider: "prov", model: "asked" });
    expect(error?.partial?.text).toBe("half");
  });

  test("E3: cut before anything was delivered it may be tried again", () => {
    for (const body of [[], ": ping\n\n", events(chunk({ role: "assistant", content: "" }))]) {
      const { error } = read(body);
      expect(error).toMatchObject({ code: "incomplete", retryable: true });
      expect(error?.partial).toBeUndefined();
    }
    const unheard = read(events(text), stream, { listen: false }).error;
    expect(unheard).toMatchObject({ code: "incomplete", retryable: true });
    expect(unheard?.partial?.text).toBe("half");
  });

  test("E3: cut in the middle of an event it is incomplete, not malformed", () => {
    const all = events(text, end);
    for (let at = events(text).length + 6; at < all.length - 3; at++) {
      expect(read(all.slice(0, at)).error).toMatchObject({ code: "incomplete" });
    }
  });

  test("E3: tool arguments that were cut are not a tool call to run", () => {
    const { error } = read(
      events(chunk({ tool_calls: [{ index: 0, id: "c", function: { name: "f", arguments: '{"rm":' } }] })),
    );
    expect(error).toMatchObject({ code: "incomplete" });
    expect(error?.partial?.choices[0]?.message.toolCalls).toEqual([
      { id: "c", name: "f", arguments: {}, argumentsText: '{"rm":' },
    ]);
  });

  test("E4: [DONE] without finish reason is enough", () => {
    const { choices } = good(events(text, "[DONE]"));
    expect(choices[0]?.finishReason).toBe("stop");
    expect(choices[0]).not.toHaveProperty("rawFinishReason");
  });

  test("a finish reason without [DONE] is enough, also without the last blank line", () => {
    expect(good(events(text, end)).text).toBe("half");
    expect(good(events(text, end).trimEnd()).text).toBe("half");
    expect(good(`${events(text)}data: [DONE]`).text).toBe("half");
  });

  test("E5: reading ends at [DONE], what follows is ignored", () => {
    const { readings, completion } = read([bytes(events(text, "[DONE]")), bytes("data: {broken\n\n")]);
    expect(readings).toEqual(["done"]);
    expect(completion?.text).toBe("half");
    expect(good(`${events(text, " [DONE] ")}data: {broken\n\n`).text).toBe("half");
  });

  test("one unfinished choice of two is incomplete", () => {
    const two = { choices: [{ index: 1, delta: { content: "b" }, finish_reason: null }] };
    expect(read(events(text, two, end)).error).toMatchObject({ code: "incomplete" });
  });
});

describe("W8: what is malformed is an error", () => {
  const bad: readonly (readonly [string, string])[] = [
    ["no JSON", "data: {oops\n\n"],
    ["a number", "data: 7\n\n"],
    ["null", "data: null\n\n"],
    ["a list", "data: [1]\n\n"],
    ["choices that are no list", events({ choices: "x" })],
    ["a choice that is no object", events({ choices: [7] })],
    ["a piece of a call that is no object", events(chunk({ tool_calls: [7] }))],
    ["W10: a huge choice index", events({ choices: [{ index: 4_294_967_294, delta: { content: "x" } }] })],
    ["W10: a negative choice index", events({ choices: [{ index: -1, delta: { content: "x" } }] })],
    [
      "W10: a choice index that is a name",
      events({ choices: [{ index: "__proto__", delta: { content: "x" } }] }),
    ],
  ];
  for (const [title, event] of bad) {
    test(title, () => {
      const { error } = read(events(chunk({ content: "before" })) + event + events(end, "[DONE]"));
      expect(error).toMatchObject({ code: "bad_response", retryable: false });
      expect(error?.partial?.text).toBe("before");
      expect(error?.message).not.toContain("before");
    });
  }

  test("the failure is thrown by end, never by push, and nothing more is read", () => {
    const { readings, error } = read([bytes("data: {oops\n\n"), bytes(events(end))]);
    expect(readings).toEqual(["done"]);
    expect(error?.code).toBe("bad_response");
  });

  test("an answer beyond the bound", () => {
    const many = events(...Array.from({ length: 30 }, () => chunk({ content: "0123456789" })), end);
    expect(read(many, stream, { maxBytes: 250 }).error).toMatchObject({ code: "bad_response" });
    expect(read(many, stream, { maxBytes: 300 }).completion?.text.length).toBe(300);
  });
});

describe("E2: an error inside the stream", () => {
  const cases: readonly (readonly [string, string, object])[] = [
    ["an object", events({ error: { message: "m", code: 429 } }), { code: "rate_limit", status: 429 }],
    ["a code as text", events({ error: { message: "m", code: "503" } }), { code: "overloaded", status: 503 }],
    [
      "a type alone",
      events({ error: { type: "overloaded_error", message: "m" } }),
      { code: "overloaded", status: 529 },
    ],
    [
      "a type of a server's fault",
      events({ error: { type: "server_error" } }),
      { code: "server_error", status: 500 },
    ],
    ["a string", events({ error: "it broke" }), { code: "server_error" }],
    [
      "beside choices",
      events(chunk({}, "error", { error: { code: 502, message: "m" } })),
      { code: "server_error", status: 502 },
    ],
    [
      "inside the choice",
      events({ choices: [{ delta: {}, finish_reason: "error", error: { code: 429 } }] }),
      { code: "rate_limit", status: 429 },
    ],
    ["a finish reason alone", events(chunk({}, "error")), { code: "server_error" }],
    [
      "a named event",
      `event: error\n${events({ message: "m", type: "rate_limit_error" })}`,
      { code: "rate_limit", status: 429 },
    ],
    [
      "a flat object",
      events({ object: "error", message: "m", code: 400 }),
      { code: "bad_request", status: 400, retryable: false },
    ],
    [
      "a list",
      events([{ error: { code: 503, status: "UNAVAILABLE" } }]),
      { code: "overloaded", status: 503 },
    ],
  ];
  for (const [title, event, expected] of cases) {
    test(`${title}, before anything was said: as if it were the status`, () => {
      const { error } = read(event);
      expect(error).toMatchObject({ retryable: true, ...expected });
      expect(error?.partial).toBeUndefined();
    });
    test(`${title}, after text was delivered: not retryable, with the partial`, () => {
      const { error } = read(events(chunk({ content: "so far" })) + event);
      expect(error).toMatchObject({ ...expected, retryable: false });
      expect(error?.partial?.text).toBe("so far");
    });
  }

  test("after text that nobody heard it may be tried again", () => {
    const body = events(chunk({ content: "so far" }), { error: { code: 503 } });
    expect(read(body, stream, { listen: false }).error).toMatchObject({
      code: "overloaded",
      retryable: true,
    });
  });

  test("error null is none", () => {
    expect(good(events(chunk({ content: "x" }, "stop", { error: null }))).text).toBe("x");
  });
});

describe("W11: JSON where a stream was asked for", () => {
  const body = answer({ content: "all at once", reasoning: "hm" });
  for (const type of ["application/json", "text/event-stream", ""]) {
    test(`decodes as the answer, content-type "${type}"`, () => {
      const { completion, deltas } = read(` \n${body}`, { headers: { "content-type": type } });
      expect(completion?.text).toBe("all at once");
      expect(deltas).toEqual([{ text: "", reasoning: "hm" }, { text: "all at once" }]);
    });
  }
  test("events where none were asked for, and none announced", () => {
    for (const start of ["", ": hi\n\n", "event: x\n"]) {
      expect(read(start + events(chunk({ content: "x" }), end), json).completion?.text).toBe("x");
    }
  });
  test("blank lines before the JSON are no progress", () => {
    const { readings, completion } = read([bytes("\n"), bytes(" \r\n"), bytes(body), bytes("\n")], json);
    expect(readings).toEqual(["idle", "idle", "progress", "idle"]);
    expect(completion?.text).toBe("all at once");
  });
});

test("W4: comments and pings are no progress, chunks are", () => {
  const pieces = [
    ": OPENROUTER PROCESSING\n\n",
    "event: ping\ndata: {}\n\n",
    "data:\n\n",
    events({ type: "ping" }),
  ];
  const { readings } = read([...pieces.map(bytes), bytes(events(chunk({ content: "x" })))]);
  expect(readings).toEqual(["idle", "idle", "idle", "idle", "progress"]);
});

describe("W12: reasoning in a side field", () => {
  for (const field of ["reasoning_content", "reasoning"]) {
    test(`${field}, with content null`, () => {
      const body = events(
        chunk({ content: null, [field]: "think " }),
        chunk({ [field]: "hard" }),
        chunk({ content: "x" }),
        end,
      );
      const { completion, deltas } = read(body);
      expect(completion?.choices[0]?.message).toEqual({
        role: "assistant",
        content: "x",
        reasoning: "think hard",
      });
      expect(deltas).toEqual([
        { text: "", reasoning: "think " },
        { text: "", reasoning: "hard" },
        { text: "x" },
      ]);
    });
  }
  test("both fields at once are one thought", () => {
    const body = events(chunk({ reasoning: "t", reasoning_content: "t", content: "x" }), end);
    expect(good(body).choices[0]?.message.reasoning).toBe("t");
  });
  test("reasoning alone is an answer", () => {
    expect(good(events(chunk({ reasoning: "t" }), end))).toMatchObject({ text: "" });
  });
  test("content as a list of parts", () => {
    const thinking = [{ type: "thinking", thinking: [{ type: "text", text: "t" }] }];
    const body = events(chunk({ content: thinking }), chunk({ content: [{ type: "text", text: "x" }] }), end);
    expect(good(body).choices[0]?.message).toEqual({ role: "assistant", content: "x", reasoning: "t" });
  });
});

describe("no silent text", () => {
  test("a stop after an empty text is an empty answer", () => {
    expect(good(events(chunk({ content: "" }), end)).text).toBe("");
  });
  test("a stop after no text at all is a bad response", () => {
    expect(read(events(chunk({ content: null }), end)).error?.code).toBe("bad_response");
    expect(read(events("[DONE]")).error?.code).toBe("bad_response");
  });
  test("a limit or a filter explains silence", () => {
    expect(good(events(chunk({}, "length"))).choices[0]?.finishReason).toBe("length");
    expect(good(events(chunk({}, "content_filter"))).choices[0]?.finishReason).toBe("content_filter");
  });
  test("a refusal is its text, filtered", () => {
    const { text, choices } = good(events(chunk({ refusal: "I can" }), chunk({ refusal: "not." }), end));
    expect(text).toBe("I cannot.");
    expect(choices[0]).toMatchObject({ finishReason: "content_filter", rawFinishReason: "stop" });
  });
});

test("several choices, their chunks mixed", () => {
  const piece = (index: number, content: string, finish_reason: string | null = null) => ({
    choices: [{ index, delta: { content }, finish_reason }],
  });
  const { completion, deltas } = read(
    events(piece(1, "b"), piece(0, "a"), piece(1, "B", "length"), piece(0, "A", "stop")),
  );
  expect(completion?.choices.map((c) => [c.index, c.message.content, c.finishReason])).toEqual([
    [0, "aA", "stop"],
    [1, "bB", "length"],
  ]);
  expect(completion?.text).toBe("aA");
  expect(deltas[0]).toEqual({ text: "b", choice: 1 });
});

test("any text in any chunks and cuts comes out as it went in", () => {
  const texts = fc.array(fc.string({ unit: "grapheme", maxLength: 20 }), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(texts, fc.array(fc.nat(3000), { maxLength: 8 }), (pieces, places) => {
      const body = events(...pieces.map((content) => chunk({ content })), end, "[DONE]");
      const { completion, deltas } = read(cut(bytes(body), places));
      expect(completion?.text).toBe(pieces.join(""));
      expect(deltas.map((delta: Delta) => delta.text).join("")).toBe(pieces.join(""));
    }),
  );
});
