import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { answer, chunk, events, json, read } from "./support.ts";

type Piece = Readonly<Record<string, unknown>>;

const piece = (index: unknown, id?: string | null, name?: string | null, args?: unknown): Piece => ({
  ...(index !== undefined && { index }),
  ...(id !== undefined && { id, type: "function" }),
  function: { ...(name !== undefined && { name }), ...(args !== undefined && { arguments: args }) },
});

/** `[id, name, argumentsText]` of each call that the pieces make, each piece in a chunk of its own. */
function callsOf(...pieces: readonly Piece[]): unknown[] | undefined {
  const { completion, error } = read(
    events(...pieces.map((each) => chunk({ tool_calls: [each] })), chunk({}, "tool_calls")),
  );
  if (error !== undefined) throw error;
  return completion?.choices[0]?.message.toolCalls?.map((call) => [call.id, call.name, call.argumentsText]);
}

describe("W9: pieces of tool calls", () => {
  const two = [
    ["a", "f", '{"x":1}'],
    ["b", "g", '{"y":2}'],
  ];
  const cases: readonly (readonly [string, readonly Piece[], readonly unknown[]])[] = [
    [
      "as they should be",
      [
        piece(0, "a", "f", ""),
        piece(0, undefined, undefined, '{"x":'),
        piece(0, undefined, undefined, "1}"),
        piece(1, "b", "g", '{"y":2}'),
      ],
      two,
    ],
    [
      "mixed with each other",
      [
        piece(0, "a", "f", ""),
        piece(1, "b", "g", ""),
        piece(1, undefined, undefined, '{"y":'),
        piece(0, undefined, undefined, '{"x":1}'),
        piece(1, undefined, undefined, "2}"),
      ],
      two,
    ],
    [
      "one index for two ids",
      [
        piece(0, "a", "f", '{"x":'),
        piece(0, undefined, undefined, "1}"),
        piece(0, "b", "g", ""),
        piece(0, undefined, undefined, '{"y":2}'),
      ],
      two,
    ],
    [
      "no index, whole calls",
      [piece(undefined, "a", "f", '{"x":1}'), piece(undefined, "b", "g", '{"y":2}')],
      two,
    ],
    [
      "no index on the tail",
      [
        piece(0, "a", "f", '{"x"'),
        piece(undefined, undefined, undefined, ":1}"),
        piece(1, "b", "g", '{"y":2}'),
      ],
      two,
    ],
    [
      "a wrong index on the tail",
      [
        piece(0, "a", "f", '{"x"'),
        piece(7, undefined, undefined, ":1}"),
        piece(1, "b", "g", '{"y"'),
        piece(9, undefined, undefined, ":2}"),
      ],
      two,
    ],
    [
      "a wrong index, but the id",
      [
        piece(0, "a", "f", '{"x"'),
        piece(1, "b", "g", '{"y"'),
        piece(5, "a", undefined, ":1}"),
        piece(0, "b", undefined, ":2}"),
      ],
      two,
    ],
    [
      "the id first and alone",
      [
        piece(0, "a"),
        piece(1, "b"),
        piece(0, undefined, "f", '{"x":1}'),
        piece(1, undefined, "g", '{"y":2}'),
      ],
      two,
    ],
    [
      "the id last",
      [piece(0, undefined, "f", '{"x"'), piece(0, "a", undefined, ":1}"), piece(1, "b", "g", '{"y":2}')],
      two,
    ],
    [
      "id and name in every piece",
      [piece(0, "a", "f", '{"x"'), piece(0, "a", "f", ":1}"), piece(1, "b", "g", '{"y":2}')],
      two,
    ],
    [
      "the name in every piece",
      [piece(0, "a", "f", '{"x"'), piece(0, undefined, "f", ":1}"), piece(1, "b", "g", '{"y":2}')],
      two,
    ],
    [
      "empty and null ids and names",
      [
        piece(0, "a", "f", ""),
        piece(0, "", null, '{"x":1}'),
        piece(1, "b", "g", null),
        piece(1, null, "", '{"y":2}'),
      ],
      two,
    ],
    [
      "index 0 for all, without ids",
      [piece(0, "", "f", '{"x":1}'), piece(0, "", "f", '{"x":2}')],
      [
        ["call_0", "f", '{"x":1}'],
        ["call_1", "f", '{"x":2}'],
      ],
    ],
    [
      "neither index nor id",
      [piece(undefined, undefined, "f", '{"x":1}'), piece(undefined, undefined, "g", "{}")],
      [
        ["call_0", "f", '{"x":1}'],
        ["call_1", "g", "{}"],
      ],
    ],
    [
      "the second index first",
      [piece(1, "b", "g", '{"y":2}'), piece(0, "a", "f", '{"x":1}')],
      [two[1], two[0]],
    ],
    ["arguments as an object", [piece(0, "a", "f", { x: 1 })], [two[0]]],
    ["no arguments", [piece(0, "a", "f")], [["a", "f", ""]]],
  ];
  for (const [title, pieces, expected] of cases) {
    test(title, () => {
      expect(callsOf(...pieces)).toEqual(expected);
      const { completion } = read(events(chunk({ tool_calls: pieces }), chunk({}, "stop")));
      expect(completion?.choices[0]?.message.toolCalls?.length).toBe(expected.length);
      expect(completion?.choices[0]?.finishReason).toBe("tool_calls");
    });
  }

  test("deltas carry what is new, under one index a call", () => {
    const { deltas } = read(
      events(
        chunk({ tool_calls: [piece(3, "a", "f", "")] }),
        chunk({ tool_calls: [piece(3, undefined, undefined, "{}")] }),
        chunk({ tool_calls: [piece(3, "b", "g", "{}")] }),
        chunk({}, "tool_calls"),
      ),
    );
    expect(deltas.map((delta) => delta.toolCall)).toEqual([
      { index: 0, id: "a", name: "f" },
      { index: 0, argumentsText: "{}" },
      { index: 1, id: "b", name: "g", argumentsText: "{}" },
    ]);
  });

  test("a call without a name is a bad response that keeps the rest", () => {
    const { error } = read(
      events(chunk({ content: "so far", tool_calls: [piece(0, "a")] }), chunk({}, "tool_calls")),
    );
    expect(error).toMatchObject({ code: "bad_response" });
    expect(error?.partial?.text).toBe("so far");
  });

  test("arguments that are no object are empty, their text is kept", () => {
    for (const text of ["{oops", "[1]", "7", "null", '"x"']) {
      const { completion } = read(events(chunk({ tool_calls: [piece(0, "a", "f", text)] }, "tool_calls")));
      expect(completion?.choices[0]?.message.toolCalls).toEqual([
        { id: "a", name: "f", arguments: {}, argumentsText: text },
      ]);
    }
  });
});

describe("W10: hostile indexes and names", () => {
  const hostile = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty"];
  const indexes = [4_294_967_294, 2 ** 53, -1, 0.5, "0", null, {}, ...hostile];

  test("indexes are looked up, never used as places", () => {
    for (const index of indexes) {
      expect(callsOf(piece(index, "a", "f", '{"x"'), piece(index, undefined, undefined, ":1}"))).toEqual([
        ["a", "f", '{"x":1}'],
      ]);
    }
  });

  test("names change no prototype", () => {
    const before = hostile.map((name) => Object.getOwnPropertyDescriptor(Object.prototype, name));
    for (const name of hostile) {
      const args = `{"${name}":{"polluted":true}}`;
      expect(callsOf(piece(name, name, name, args))).toEqual([[name, name, args]]);
      const body = answer({ content: "x", [name]: { polluted: true } }, name, {
        [name]: { polluted: true },
        usage: JSON.parse(args),
      });
      expect(read(body, json).completion).toMatchObject({ text: "x" });
      expect(read(events(JSON.parse(body)), json).completion).toMatchObject({ text: "x" });
    }
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    expect(hostile.map((name) => Object.getOwnPropertyDescriptor(Object.prototype, name))).toEqual(before);
  });

  test("an error that only a prototype has is none", () => {
    expect(
      read(
        '{"__proto__":{"error":{"code":429}},"choices":[{"message":{"content":"x"},"finish_reason":"stop"}]}',
        json,
      ).completion?.text,
    ).toBe("x");
  });

  test("calls are bounded", () => {
    const many = Array.from({ length: 257 }, (_, i) => piece(i, `id${i}`, "f", "{}"));
    expect(() => callsOf(...many)).toThrow(/more than 256 tool calls/);
    expect(read(answer({ content: null, tool_calls: many }), json).error?.code).toBe("bad_response");
    expect(callsOf(...many.slice(1))?.length).toBe(256);
  });

  test("no piece of any shape does worse than fail", () => {
    const wild = fc.oneof(fc.constantFrom(...indexes), fc.nat(3), fc.jsonValue({ maxDepth: 2 }));
    const pieces = fc.array(
      fc.record(
        { index: wild, id: wild, function: fc.oneof(wild, fc.record({ name: wild, arguments: wild })) },
        { requiredKeys: [] },
      ),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(pieces, wild, wild, (tool_calls, content, finish) => {
        const { completion, error } = read(
          events(chunk({ tool_calls, content }, finish as string), "[DONE]"),
        );
        // `read` itself throws on anything but a TrunklineError.
        expect(completion === undefined).toBe(error !== undefined);
        const calls = completion?.choices[0]?.message.toolCalls ?? [];
        expect(calls.length).toBeLessThanOrEqual(8);
        expect(Object.keys(calls).length).toBe(calls.length);
      }),
    );
  });
});

test("the pieces of several calls, dealt in any order that keeps each call's own, give the same calls", () => {
  const call = fc.record({
    name: fc.constantFrom("f", "g", "__proto__"),
    args: fc.dictionary(fc.string(), fc.integer()),
  });
  fc.assert(
    fc.property(
      fc.array(call, { minLength: 1, maxLength: 5 }),
      fc.infiniteStream(fc.nat(99)),
      (calls, dice) => {
        const draw = (below: number): number => (dice.next().value as number) % below;
        const hands = calls.map(({ name, args }, index) => {
          const text = JSON.stringify(args);
          const at = draw(text.length);
          return [
            piece(index, `id${index}`, name, ""),
            piece(index, undefined, undefined, text.slice(0, at)),
            piece(index, undefined, undefined, text.slice(at)),
          ];
        });
        const dealt: Piece[] = [];
        for (
          let open = hands.filter((hand) => hand.length > 0);
          open.length > 0;
          open = hands.filter((hand) => hand.length > 0)
        ) {
          dealt.push(open[draw(open.length)]!.shift()!);
        }
        const expected = calls.map(({ name, args }, index) => [`id${index}`, name, JSON.stringify(args)]);
        expect([...callsOf(...dealt)!].sort()).toEqual(expected.sort());
      },
    ),
  );
});
