import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { FieldEvent } from "../../src/adapter/adapter.ts";
import { adapterOf } from "../../src/adapter/adapters.ts";
import { asSignature } from "../../src/signature/make.ts";
import { adapterNames, answerOf, hostileText, type Name, read, words } from "./cases.ts";

const signature = "text -> reasoning, count: int, tags: string[], sure: boolean, answer";
const outputs = (text: fc.Arbitrary<string>) =>
  fc.record({
    reasoning: text,
    count: fc.integer(),
    tags: fc.array(text, { maxLength: 3 }),
    sure: fc.boolean(),
    answer: text,
  });

/** A text cut at some places, surrogate pairs included. */
const cuts = fc.array(fc.nat({ max: 400 }), { maxLength: 12 });
function cut(text: string, places: readonly number[]): readonly string[] {
  const at = [...new Set(places.map((place) => place % (text.length + 1)))].sort((a, b) => a - b);
  return [0, ...at].map((from, i) => text.slice(from, at[i]));
}

function eventsOf(name: Name, pieces: readonly string[]): readonly FieldEvent[] {
  const reader = adapterOf(name).plan(asSignature(signature), []).reader();
  return [...pieces.flatMap((piece) => reader.push(piece)), ...reader.end()];
}

/** Deltas of one field that follow each other as one. */
function mergedEvents(events: readonly FieldEvent[]): readonly FieldEvent[] {
  const all: FieldEvent[] = [];
  for (const event of events) {
    const last = all.at(-1);
    const goesOn = event.type === "delta" && last?.type === "delta" && last.field === event.field;
    if (goesOn) all[all.length - 1] = { ...last, text: last.text + event.text };
    else all.push(event);
  }
  return all;
}

const textOf = (events: readonly FieldEvent[], field: string): string =>
  events.map((event) => (event.type === "delta" && event.field === field ? event.text : "")).join("");

describe.each(adapterNames)("%s", (name) => {
  test("any cutting of an answer gives the same events", () => {
    fc.assert(
      fc.property(outputs(hostileText), cuts, (wanted, places) => {
        const answer = answerOf(name, signature, wanted);
        expect(mergedEvents(eventsOf(name, cut(answer, places)))).toEqual(
          mergedEvents(eventsOf(name, [answer])),
        );
        expect(mergedEvents(eventsOf(name, answer.split("")))).toEqual(
          mergedEvents(eventsOf(name, [answer])),
        );
      }),
      { numRuns: 200 },
    );
  });

  test("the deltas of a text make up its value, and each field's value comes at its end", async () => {
    await fc.assert(
      fc.asyncProperty(outputs(hostileText), cuts, async (wanted, places) => {
        const answer = answerOf(name, signature, wanted);
        const { values, problems } = await read(name, signature, answer);
        fc.pre(problems.length === 0);
        const events = eventsOf(name, cut(answer, places));
        for (const field of ["reasoning", "answer"]) expect(textOf(events, field)).toBe(values[field]);
        const told = events.flatMap((event) => (event.type === "field" ? [[event.field, event.value]] : []));
        expect(told).toEqual(Object.entries(values));
      }),
      { numRuns: 300 },
    );
  });

  test("thoughts and prose around the answer are told to nobody", () => {
    fc.assert(
      fc.property(outputs(words), words, cuts, (wanted, prose, places) => {
        const answer = answerOf(name, signature, wanted);
        const events = eventsOf(
          name,
          cut(`<think>${prose}\n${answer}</think>\n${prose}\n\n${answer}\n`, places),
        );
        expect(mergedEvents(events)).toEqual(mergedEvents(eventsOf(name, [answer])));
      }),
      { numRuns: 200 },
    );
  });

  test("a text reaches its reader before it ends", () => {
    const answer = answerOf(name, signature, {
      reasoning: "one two three",
      count: 1,
      tags: [],
      sure: true,
      answer: "x",
    });
    const reader = adapterOf(name).plan(asSignature(signature), []).reader();
    const first = reader.push(answer.slice(0, answer.indexOf("three")));
    expect(textOf(first, "reasoning")).toMatch(/^one two ?$/);
    expect(first.every(({ type }) => type === "delta")).toBe(true);
  });

  test("P1: whatever the text, reading it as it comes throws nothing", () => {
    fc.assert(
      fc.property(hostileText, cuts, (text, places) => void eventsOf(name, cut(text, places))),
      { numRuns: 500 },
    );
  });
});

test("what is no text streams as it is written, and then as its value", () => {
  const events = eventsOf("json", ['{"count": 1', '2, "tags": ["a",', ' "b"]']);
  expect(mergedEvents([...events])).toEqual([
    { type: "delta", field: "count", text: "12" },
    { type: "field", field: "count", value: 12 },
    { type: "delta", field: "tags", text: '["a", "b"]' },
  ]);
});

test("a field that is written twice streams once; its later value comes at its end", () => {
  const events = eventsOf("chat", [
    "[[ ## answer ## ]]\nLyon\n[[ ## completed ## ]]\n[[ ## answer ## ]]\nParis\n",
  ]);
  expect(events.filter(({ type }) => type === "field")).toEqual([
    { type: "field", field: "answer", value: "Lyon" },
    { type: "field", field: "answer", value: "Paris" },
  ]);
  expect(textOf(events, "answer")).toBe("Lyon");
});
