import { spawn } from "node:child_process";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { completion } from "../../src/core/completion.ts";
import { TrunklineError } from "../../src/core/errors.ts";
import { DriverLM } from "../../src/lm/driver-lm.ts";
import { collectRows, eachRow, type RowsOptions, type Source } from "../../src/lm/rows.ts";
import { currentScope } from "../../src/lm/scope.ts";

const folder = mkdtempSync(join(tmpdir(), "trunkline-results-"));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;
const newFile = (): string => join(folder, `${++files}.jsonl`);

const text = (file: string): string => readFileSync(file, "utf8");
const linesOf = (file: string): string[] => text(file).split("\n").slice(0, -1);

/** Runs rows and tells which of them were worked on. */
async function run<Input, Output>(
  file: string,
  source: Source<Input>,
  work: (input: Input, index: number) => Output | Promise<Output>,
  { identity = { run: "test" }, ...options }: RowsOptions & { identity?: Record<string, string> } = {},
) {
  const asked: number[] = [];
  const rows = await collectRows(
    systemClock,
    source,
    async (input, index) => {
      asked.push(index);
      return work(input, index);
    },
    { ...options, resultsFile: file },
    { identity: () => identity },
  );
  return { rows, asked: asked.sort((a, b) => a - b) };
}

const failure = (promise: Promise<unknown>): Promise<TrunklineError> =>
  promise.then(
    () => expect.fail("it did not fail"),
    (error) => error,
  );

const inputs = ["zero", "one", "two", "three", "four"].map((word) => ({ word }));
const upperCase = (text: string) => text.toUpperCase();
const upper = ({ word }: { word: string }) => ({ word: word.toUpperCase() });

describe("a run that is resumed", () => {
  test("P14: finished rows are taken from the file and not asked again", async () => {
    const file = newFile();
    const first = await run(file, inputs, upper);
    const second = await run(file, inputs, upper);
    expect(first.asked).toEqual([0, 1, 2, 3, 4]);
    expect(second.asked).toEqual([]);
    expect(second.rows).toEqual(first.rows);
  });

  test("P14: killed at any byte of its file and resumed, it equals one that was not; no finished row is asked twice", async () => {
    const whole = newFile();
    const work = ({ word }: { word: string }, index: number) => {
      if (index % 3 === 1) throw new TrunklineError("parse", `no answer in ${word}`);
      return [word, "ü😀", index === 0 ? new Date(0) : null];
    };
    const some = inputs.slice(0, 3);
    const uninterrupted = await run(whole, some, work, { concurrency: 2 });
    const bytes = readFileSync(whole);
    const file = newFile();
    for (let cut = 0; cut <= bytes.length; cut++) {
      const left = bytes.subarray(0, cut);
      writeFileSync(file, left);
      const finished = left.toString().split("\n").slice(1, -1);
      const kept = finished.map((line) => JSON.parse(line).index);
      const resumed = await run(file, some, work, { concurrency: 2 });
      expect(resumed.rows).toEqual(uninterrupted.rows);
      expect(resumed.asked).toEqual([0, 1, 2].filter((index) => !kept.includes(index)));
      // The file is whole again: a third run asks nothing.
      if (cut % 50 === 0) expect((await run(file, some, work)).asked).toEqual([]);
    }
  });

  test("P14: a process killed in the middle leaves what it had finished", async () => {
    const file = newFile();
    const child = spawn(process.execPath, [fileURLToPath(new URL("rows-child.ts", import.meta.url)), file], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const finished: number[] = [];
    const closed = new Promise((resolve) => child.once("close", resolve));
    child.stdout.on("data", (piece) => {
      finished.push(...String(piece).split("\n").filter(Boolean).map(Number));
      if (finished.length >= 40) child.kill("SIGKILL");
    });
    await closed;
    expect(child.signalCode).toBe("SIGKILL");
    const resumed = await run(file, [...Array(1000).keys()], (n) => n * 2);
    expect(resumed.rows.map(({ value }) => value)).toEqual(Array.from({ length: 1000 }, (_, n) => n * 2));
    for (const index of finished) expect(resumed.asked).not.toContain(index);
    expect(resumed.asked.length).toBeLessThanOrEqual(1000 - finished.length);
  });

  test("a row that failed by itself stays failed; one that the provider failed is asked again", async () => {
    const file = newFile();
    let down = true;
    const work = ({ word }: { word: string }) => {
      if (word === "one") throw new RangeError("one is no word");
      if (word === "three" && down) throw new TrunklineError("server_error", "down");
      return word;
    };
    const first = await run(file, inputs, work);
    expect(first.rows.map((row) => row.error !== undefined)).toEqual([false, true, false, true, false]);
    down = false;
    const second = await run(file, inputs, work);
    expect(second.asked).toEqual([3]);
    expect(second.rows[1]!.error).toMatchObject({ name: "RangeError", message: "one is no word" });
    expect(second.rows[3]!.value).toBe("three");
  });

  test("an error comes back with its code and facts, and without its cause", async () => {
    const file = newFile();
    const error = new TrunklineError("parse", "answer: missing", {
      answer: "raw text",
      model: "m",
      retryable: true,
      cause: new Error("secret"),
    });
    const fail = () => {
      throw error;
    };
    await run(file, [1], fail);
    const [row] = (await run(file, [1], fail)).rows;
    const back = row!.error as TrunklineError;
    expect(back).toBeInstanceOf(TrunklineError);
    expect(back).toMatchObject({ code: "parse", message: "answer: missing", model: "m", retryable: true });
    expect(back.answer).toBe("raw text");
    expect(text(file)).not.toContain("secret");
  });

  test("a row whose input changed is run anew, and its newer line holds", async () => {
    const file = newFile();
    await run(file, inputs, upper);
    const edited = inputs.with(2, { word: "TWO and a half" });
    const second = await run(file, edited, upper);
    expect(second.asked).toEqual([2]);
    expect(second.rows[2]!.value).toEqual({ word: "TWO AND A HALF" });
    expect((await run(file, edited, upper)).asked).toEqual([]);
  });

  test("rows added at the end are asked, and rows of a stream are resumed like those of a list", async () => {
    const file = newFile();
    await run(file, inputs, upper);
    async function* more() {
      yield* inputs;
      yield { word: "five" };
    }
    expect((await run(file, more(), upper)).asked).toEqual([5]);
  });

  test("P16: a stopped run keeps what was finished, and nothing of what its stop did to the others", async () => {
    const file = newFile();
    const controller = new AbortController();
    const stopped = run(
      file,
      inputs,
      async ({ word }, index) => {
        if (index < 2) return word;
        const { signals } = currentScope()!;
        await new Promise<void>((resolve) => signals![0]!.addEventListener("abort", () => resolve()));
        if (index === 3) return "an answer to the stop";
        throw new Error("left because of the stop");
      },
      { signal: controller.signal, onProgress: ({ done }) => done === 2 && controller.abort() },
    );
    expect(await failure(stopped)).toMatchObject({ code: "aborted", done: 2 });
    expect((await run(file, inputs, upper)).asked).toEqual([2, 3, 4]);
  });
});

describe("the file", () => {
  test("is for its owner's eyes only", async () => {
    const file = newFile();
    await run(file, inputs, upper);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test("holds one line a row, in the order in which they finished, behind one that says what it is", async () => {
    const file = newFile();
    await run(file, inputs, upper, { concurrency: 1 });
    const [head, ...rows] = linesOf(file).map((line) => JSON.parse(line));
    expect(head).toEqual({ trunkline: "results", version: 1, run: { run: "test" } });
    expect(rows.map(({ index, value }) => [index, value])).toEqual(
      inputs.map((input, index) => [index, upper(input)]),
    );
  });

  test.each([
    ["a data set", '{"question":"?"}\n{"question":"!"}\n'],
    ["a text without an end", "some notes"],
    ["bytes", "\u0002\u0001\n"],
    ["a broken first line", '{"trunkline":"results",oops}\n'],
  ])("that holds something else (%s) is refused and stays as it is", async (_, content) => {
    const file = newFile();
    writeFileSync(file, content);
    const error = await failure(run(file, inputs, upper));
    expect(error).toMatchObject({ code: "state", message: expect.stringContaining("holds something else") });
    expect(text(file)).toBe(content);
  });

  test("of another program is refused before the first row, and the error says what differs", async () => {
    const file = newFile();
    await run(file, inputs, upper, { identity: { run: "batch", program: "QA 1", model: "a" } });
    const before = text(file);
    const other = run(file, inputs, () => expect.fail("a row was asked"), {
      identity: { run: "batch", program: "QA 2", model: "a" },
    });
    const error = await failure(other);
    expect(error.code).toBe("state");
    expect(error.message).toContain('program is "QA 1" there and "QA 2" here');
    expect(error.message).not.toContain("model");
    expect(text(file)).toBe(before);
  });

  test("of another data set is refused before the first row", async () => {
    const file = newFile();
    await run(file, inputs, upper);
    const others = inputs.map(({ word }) => ({ word: `${word}!` }));
    const error = await failure(run(file, others, () => expect.fail("a row was asked")));
    expect(error).toMatchObject({ code: "state", message: expect.stringContaining("another data set") });
  });

  test("of one or two rows: a single other row is an edited one, two are another data set", async () => {
    const file = newFile();
    await run(file, ["a"], upperCase);
    expect((await run(file, ["b"], upperCase)).asked).toEqual([0]);
    await run(file, ["b", "c"], upperCase);
    const error = await failure(run(file, ["d", "e"], () => expect.fail("a row was asked")));
    expect(error.message).toContain("it has 2 of these rows");
  });

  test("keeps no list with holes and no member under a symbol, which JSON would lose", async () => {
    const file = newFile();
    const sparse = [1];
    sparse[2] = 3;
    const values = [sparse, { [Symbol("hidden")]: 1 }, [1, undefined, 3]];
    await run(file, values.keys(), (i) => values[i]);
    expect((await run(file, values.keys(), (i) => values[i])).asked).toEqual([0, 1]);
  });

  test("of another version is refused", async () => {
    const file = newFile();
    writeFileSync(file, '{"trunkline":"results","version":2,"run":{}}\n');
    const error = await failure(run(file, inputs, upper));
    expect(error).toMatchObject({ code: "state", message: expect.stringContaining("version 2") });
  });

  test("with damaged lines loses those rows alone", async () => {
    const file = newFile();
    await run(file, inputs, upper, { concurrency: 1 });
    const lines = linesOf(file);
    lines[1] = lines[1]!.slice(0, -4);
    lines[2] = lines[2]!.replace('"value"', '"valu\u0000"');
    lines[3] = "\u0000".repeat(100);
    writeFileSync(file, `${lines.join("\n")}\n`);
    expect((await run(file, inputs, upper)).asked).toEqual([0, 1, 2]);
  });

  test.each([
    '{"$":"date","value":"x"}',
    '{"$":"date","value":{}}',
    '{"$":"number","value":"x"}',
    '{"$":"bigint","value":"x"}',
    '{"$":"map","value":"x"}',
    '{"$":"else","value":1}',
  ])("with a value edited into %s loses that row alone", async (edited) => {
    const file = newFile();
    await run(file, inputs, () => 7);
    writeFileSync(file, text(file).replace(/("index":2,.*"value":)7/, `$1${edited}`));
    expect((await run(file, inputs, () => 7)).asked).toEqual([2]);
  });

  test("that cannot be opened is a `config` error that says why", async () => {
    for (const path of [join(folder, "none", "x.jsonl"), folder, "/dev/null"]) {
      const error = await failure(run(path, inputs, upper));
      expect(error).toMatchObject({ code: "config", message: expect.stringContaining("resultsFile") });
    }
  });

  test("has one writer in a process at a time", async () => {
    const file = newFile();
    const first = eachRow(systemClock, inputs, async (input) => input, { resultsFile: file });
    await first.next();
    expect(await failure(run(file, inputs, upper, { identity: {} }))).toMatchObject({
      code: "state",
      message: expect.stringContaining("another run of this process"),
    });
    await first.return();
    expect((await run(file, inputs, upper, { identity: {} })).rows).toHaveLength(5);
  });

  test("a row whose result would be a line of more than 16 MiB is not kept", async () => {
    const file = newFile();
    const work = (n: number) => "x".repeat(n);
    await run(file, [10, 17 * 2 ** 20], work);
    expect(statSync(file).size).toBeLessThan(1000);
    expect((await run(file, [10, 17 * 2 ** 20], work)).asked).toEqual([1]);
  });

  test("lines longer than what is read at once are found", async () => {
    const file = newFile();
    const work = (n: number) => `${"é".repeat(n)}!`;
    const sizes = [1, 4000, 5000, 700_000, 2];
    const first = await run(file, sizes, work);
    const second = await run(file, sizes, work);
    expect(second.asked).toEqual([]);
    expect(second.rows).toEqual(first.rows);
  });

  test("a result that has no exact form is not kept, but asked again", async () => {
    class Money {
      cents = 3;
    }
    const file = newFile();
    const work = (n: number) => (n === 1 ? new Money() : n);
    await run(file, [0, 1], work);
    const second = await run(file, [0, 1], work);
    expect(second.asked).toEqual([1]);
    expect(second.rows[1]!.value).toBeInstanceOf(Money);
  });

  test("an input that cannot be compared is an error that names its row", async () => {
    const error = await failure(run(newFile(), [{ a: 1 }, { a: () => 1 }], () => 1, { concurrency: 1 }));
    expect(error).toMatchObject({ code: "config", message: expect.stringContaining("row 1"), done: 1 });
  });

  test("a disk that takes no more stops the run, with the finished rows in the error", async () => {
    const child = fileURLToPath(new URL("rows-child.ts", import.meta.url));
    // No file may grow beyond one block.
    const shell = spawn("sh", ["-c", 'ulimit -f 1; exec "$0" "$@"', process.execPath, child, newFile()], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let said = "";
    shell.stderr.on("data", (piece) => {
      said += piece;
    });
    await new Promise((resolve) => shell.once("close", resolve));
    expect(said).toMatch(/^state: resultsFile .* cannot be written/m);
    expect(Number(/rows (\d+)/.exec(said)![1])).toBeGreaterThan(0);
  });

  test("a line for the same row that comes later holds", async () => {
    const file = newFile();
    await run(file, ["a"], () => "old");
    appendFileSync(file, `${linesOf(file)[1]!.replace("old", "new")}\n`);
    expect((await run(file, ["a"], () => "never")).rows[0]!.value).toBe("new");
  });
});

test("values come back from the file exactly as they were, or the row is asked again", async () => {
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      fc.string({ unit: "binary" }),
      fc.constant("\ud800"),
      fc.double(),
      fc.bigInt(),
      fc.constantFrom(undefined, null, true, -0, Number.NaN),
      fc.date({ noInvalidDate: false }),
      fc.uint8Array({ maxLength: 8 }),
      fc.array(tie("any"), { maxLength: 4 }),
      fc.dictionary(fc.constantFrom("$", "a", "__proto__", "value", "toJSON"), tie("any"), { maxKeys: 4 }),
      fc.array(fc.tuple(tie("any"), tie("any")), { maxLength: 3 }).map((pairs) => new Map(pairs)),
      fc.array(tie("any"), { maxLength: 3 }).map((items) => new Set(items)),
    ),
  })).any;
  await fc.assert(
    fc.asyncProperty(fc.array(value, { maxLength: 5 }), async (values) => {
      const file = newFile();
      const source = [...values.keys()];
      await run(file, source, (index) => values[index]);
      const { rows, asked } = await run(file, source, (index) => values[index]);
      expect(asked).toEqual([]);
      for (const { index, value } of rows) expect(isDeepStrictEqual(value, values[index])).toBe(true);
    }),
    { numRuns: 40 },
  );
});

test("R11: lm.batch resumes from its file; another model or another temperature is another run", async () => {
  const file = newFile();
  const asked: string[] = [];
  const lm = (model: string) =>
    new DriverLM({
      model,
      cache: false,
      requestFn: async ({ prompt }) => {
        asked.push(prompt);
        return prompt;
      },
      outputFn: (raw: string) => completion(raw.toUpperCase(), { inputTokens: 1, outputTokens: 1 }),
    });
  const first = await lm("m").batch(["a", "b"], { resultsFile: file });
  const second = await lm("m").batch(["a", "b", "c"], { resultsFile: file });
  expect(asked).toEqual(["a", "b", "c"]);
  expect(second.slice(0, 2)).toEqual(first);
  expect(second[2]!.completion!.text).toBe("C");
  const other = await failure(lm("n").batch(["a"], { resultsFile: file }));
  expect(other).toMatchObject({
    code: "state",
    message: expect.stringContaining('model is "DriverLM(m)" there'),
  });
  const warmer = await failure(lm("m").batch(["a"], { resultsFile: file, temperature: 1 }));
  expect(warmer).toMatchObject({ code: "state", message: expect.stringContaining("settings") });
});
