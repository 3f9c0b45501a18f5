import { describe, expect, test } from "vitest";
import { type Options, optionLines, parseOptions } from "../../src/cli/options.ts";

const options: Options = {
  agents: { type: "count", value: "N", help: "how many" },
  model: { type: "text", value: "NAME", help: "which" },
  json: { type: "switch", help: "as JSON" },
};
const parse = (...args: string[]) => parseOptions("demo", options, args);
const config = (message: string) => expect.objectContaining({ code: "config", message });

describe("parseOptions", () => {
  test("reads switches, texts and counts, with and without an equals sign", () => {
    expect(parse()).toEqual({});
    expect(parse("--agents", "5", "--model=a/b", "--json")).toEqual({ agents: 5, model: "a/b", json: true });
    expect(parse("--agents=5", "--agents=6")).toEqual({ agents: 6 });
  });

  test.each([
    [
      ["--agnts", "5"],
      'unknown option --agnts; did you mean "--agents"? known are: --agents, --json, --model',
    ],
    [["--__proto__"], "unknown option --__proto__; known are: --agents, --json, --model"],
    [["-x"], "unknown option -x; known are: --agents, --json, --model"],
    [["five"], 'demo takes no argument, got "five"; options begin with --'],
    [["--agents"], "--agents needs a value"],
    [["--agents="], "--agents needs a value"],
    [["--agents", "0"], '--agents: expected a whole number of 1 or more, got "0"'],
    [["--agents", "1.5"], '--agents: expected a whole number of 1 or more, got "1.5"'],
    [["--agents", "many"], '--agents: expected a whole number of 1 or more, got "many"'],
    [["--json=yes"], '--json: expected no value, got "yes"'],
  ])("%j is refused", (args, message) => {
    expect(() => parse(...args)).toThrow(config(message));
  });
});

test("the help lines up", () => {
  expect(optionLines(options)).toEqual([
    "  --agents N    how many",
    "  --model NAME  which",
    "  --json        as JSON",
  ]);
});
