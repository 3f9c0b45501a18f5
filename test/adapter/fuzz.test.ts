import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { adapterNames, answerOf, hostileText, type Name, read, words } from "./cases.ts";

/** Outputs of every sort, and values that fit them. */
const signature =
  "text -> reasoning, label: 'in stock' | 'sold_out', count: int, ratio: number, sure: boolean, tags: string[], box: { id: string, size?: int }, note?: string";
const values = fc.record(
  {
    reasoning: words,
    label: fc.constantFrom("in stock", "sold_out"),
    count: fc.integer(),
    ratio: fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => (Object.is(n, -0) ? 0 : n)),
    sure: fc.boolean(),
    tags: fc.array(words, { maxLength: 4 }),
    box: fc.record({ id: words, size: fc.integer() }, { requiredKeys: ["id"] }),
    note: words,
  },
  { requiredKeys: ["reasoning", "label", "count", "ratio", "sure", "tags", "box"] },
);
type Values = typeof values extends fc.Arbitrary<infer V> ? V : never;

/** Sentences without any sign of structure. */
const prose = fc.array(words, { maxLength: 3 }).map((lines) => lines.join(".\n"));
const thoughts = fc.tuple(hostileText, hostileText).map((texts) => texts.join("").replaceAll("</think>", ""));

/**
 * Noise that changes nothing: around an answer there may be prose, a fence, thoughts (with whole drafts in them) and
 * the end tokens of a template; line ends may be those of Windows; the whole may be there twice.
 */
const around: Readonly<Record<string, (answer: string, text: string, hidden: string) => string>> = {
  "prose before and behind": (answer, text) => `${text}\n\n${answer}\n\n${text}`,
  "a fence": (answer) => `\`\`\`\n${answer}\n\`\`\``,
  thoughts: (answer, _, hidden) => `<think>${hidden}</think>\n\n${answer}`,
  "thoughts and a draft": (answer, text, hidden) => `<think>${hidden}\n${answer}\n${text}</think>\n${answer}`,
  "end tokens": (answer) => `${answer}\n<|im_end|>\n`,
  "line ends of Windows": (answer) => answer.replaceAll("\n", "\r\n"),
  "a byte order mark": (answer) => `\ufeff${answer}`,
  "the same twice": (answer, text) => `${answer}\n\n${text}\n\n${answer}`,
};

async function reads(name: Name, answer: string, wanted: Values): Promise<void> {
  const got = await read(name, signature, answer);
  expect(got.problems).toEqual([]);
  expect(got.values).toEqual(wanted);
}

/** Either everything is right, or there is a problem: never a wrong value without a word. */
async function neverWrong(name: Name, answer: string, wanted: Values): Promise<void> {
  const got = await read(name, signature, answer);
  if (got.problems.length === 0) expect({ answer, values: got.values }).toEqual({ answer, values: wanted });
}

describe.each(adapterNames)("%s", (name) => {
  test.each(Object.entries(around))("P1: %s around an answer changes nothing", async (_, noise) => {
    await fc.assert(
      fc.asyncProperty(values, prose, thoughts, async (wanted, text, hidden) => {
        await reads(name, noise(answerOf(name, signature, wanted), text, hidden), wanted);
      }),
      { numRuns: 150 },
    );
  });

  test("P4: a second block with other values is the answer, or a problem", async () => {
    await fc.assert(
      fc.asyncProperty(values, values, async (first, second) => {
        const answer = `${answerOf(name, signature, first)}\n${answerOf(name, signature, second)}`;
        await neverWrong(name, answer, second);
      }),
      { numRuns: 150 },
    );
  });

  test("P4: a field that is there twice is right, or a problem", async () => {
    const names = ["reasoning", "label", "count", "ratio", "sure", "tags", "box"] as const;
    await fc.assert(
      fc.asyncProperty(
        values,
        values,
        fc.constantFrom(...names),
        fc.nat(),
        async (wanted, other, field, at) => {
          const parts = partsOf[name](answerOf(name, signature, wanted));
          const double = partsOf[name](answerOf(name, signature, { ...wanted, [field]: other[field] }));
          const doubled = parts.toSpliced(
            1 + (at % (parts.length - 1)),
            0,
            double[1 + names.indexOf(field)]!,
          );
          await neverWrong(name, joined[name](doubled), wanted);
        },
      ),
      { numRuns: 300 },
    );
  });

  /** In sections and tags the last value may be cut without a trace; a driver that knows of the cut says so. */
  test("P1: an answer that is cut loses fields and changes none before the cut", async () => {
    await fc.assert(
      fc.asyncProperty(values, fc.double({ min: 0, max: 1, noNaN: true }), async (wanted, where) => {
        const answer = answerOf(name, signature, wanted);
        const cut = answer.slice(0, Math.floor(where * answer.length));
        const got = await read(name, signature, cut);
        const fields = Object.keys(got.values);
        const sure = name === "json" ? fields : fields.slice(0, -1);
        for (const field of sure) {
          expect({ [field]: got.values[field] }).toEqual({ [field]: wanted[field as keyof Values] });
        }
      }),
      { numRuns: 500 },
    );
  });

  test("P1: whatever the text, reading it throws nothing and gives no value of another type", async () => {
    await fc.assert(
      fc.asyncProperty(hostileText, values, fc.nat(), async (text, wanted, at) => {
        const answer = answerOf(name, signature, wanted);
        const place = at % answer.length;
        for (const hostile of [text, answer.slice(0, place) + text + answer.slice(place)]) {
          const { values: got } = await read(name, signature, hostile);
          for (const [field, value] of Object.entries(got)) expect({ [field]: value }).toSatisfy(isOfType);
        }
      }),
      { numRuns: 500 },
    );
  });
});

/** An answer as what stands before its fields, its fields, and what stands behind them. */
const partsOf: Readonly<Record<Name, (answer: string) => readonly string[]>> = {
  chat: (answer) => ["", ...answer.split(/^(?=\[\[)/m)],
  json: (answer) => ["{", ...answer.slice(1, -1).split(/,(?=\n {2}")/), "}"],
  xml: (answer) => ["", ...answer.split(/\n\n(?=<)/)],
};
const joined: Readonly<Record<Name, (parts: readonly string[]) => string>> = {
  chat: (parts) => parts.join(""),
  json: (parts) => `{${parts.slice(1, -1).join(",")}}`,
  xml: (parts) => parts.join("\n\n"),
};

const types: Readonly<Record<string, (value: unknown) => boolean>> = {
  reasoning: (value) => typeof value === "string",
  note: (value) => typeof value === "string",
  label: (value) => value === "in stock" || value === "sold_out",
  count: Number.isSafeInteger,
  ratio: Number.isFinite,
  sure: (value) => typeof value === "boolean",
  tags: (value) => Array.isArray(value) && value.every((tag) => typeof tag === "string"),
  box: (value) => typeof (value as { id?: unknown }).id === "string",
};
const isOfType = (record: Readonly<Record<string, unknown>>): boolean =>
  Object.entries(record).every(([field, value]) => types[field]!(value));

/** JSON as careless models write it; each of these is read as it was meant. */
const careless: Readonly<Record<string, (json: string) => string>> = {
  "trailing commas": (json) =>
    json.replace(/([^{[\s])(\s*[}\]])/g, (all, end, close) => (/[,]/.test(end) ? all : `${end},${close}`)),
  "no last brace": (json) => json.replace(/\s*\}$/, "\n"),
  comments: (json) => json.replaceAll(/,\n {2}"/g, ', // and then\n  /* next */ "'),
  "Python's words": (json) =>
    json.replace(/: (true|false)/g, (_, word: string) => `: ${word[0]!.toUpperCase()}${word.slice(1)}`),
  "names without quotes": (json) => json.replace(/^ {2}"(\w+)":/gm, "  $1:"),
  "no commas between lines": (json) => json.replaceAll(/,\n {2}"/g, '\n  "'),
  "one brace more": (json) => `${json}}`,
};

describe("careless JSON", () => {
  test.each(Object.entries(careless))("P2: %s", async (_, spoil) => {
    await fc.assert(
      fc.asyncProperty(values, async (wanted) => {
        await reads("json", spoil(answerOf("json", signature, wanted)), wanted);
      }),
      { numRuns: 200 },
    );
  });

  test("P2: one sign of its structure lost, doubled or changed: right, or a problem", async () => {
    const signs = [...'{}[]",:'];
    await fc.assert(
      fc.asyncProperty(
        values,
        fc.nat(),
        fc.constantFrom("", ...signs),
        fc.boolean(),
        async (wanted, n, by, keeps) => {
          const answer = answerOf("json", signature, wanted);
          const places = structureOf(answer);
          const at = places[n % places.length]!;
          const mutant = answer.slice(0, at) + by + answer.slice(keeps ? at : at + 1);
          await neverWrong("json", mutant, wanted);
        },
      ),
      { numRuns: 4_000 },
    );
  });
});

/** The places of the signs that are no content. */
function structureOf(json: string): readonly number[] {
  let inText = false;
  return Array.from({ length: json.length }, (_, i) => i).filter((i) => {
    const isQuote = json[i] === '"';
    // Before a closing quote a sign would be content.
    const isSign = !inText && '{}[],:"'.includes(json[i]!);
    if (isQuote) inText = !inText;
    return isSign;
  });
}

describe("careless markers", () => {
  const careless: Readonly<Record<string, (answer: string) => string>> = {
    "other cases": (answer) => answer.replace(/\[\[ ## \w+ ## \]\]/g, (marker) => marker.toUpperCase()),
    "no blanks": (answer) => answer.replace(/\[\[ ## (\w+) ## \]\]/g, "[[##$1##]]"),
    bold: (answer) => answer.replace(/\[\[ ## \w+ ## \]\]/g, "**$&**"),
    "all on one line": (answer) => answer.replaceAll("\n", " "),
    "no end": (answer) => answer.replace("[[ ## completed ## ]]", ""),
    "headings only": (answer) => answer.replace(/\[\[ ## (\w+) ## \]\]/g, "## $1"),
  };
  test.each(Object.entries(careless))("P1: %s", async (_, spoil) => {
    await fc.assert(
      fc.asyncProperty(values, async (wanted) => {
        await reads("chat", spoil(answerOf("chat", signature, wanted)), wanted);
      }),
      { numRuns: 200 },
    );
  });
});
