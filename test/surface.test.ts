import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import * as trunkline from "../src/index.ts";

const src = fileURLToPath(new URL("../src/", import.meta.url));
/** A file without its comments, whose examples may show anything. */
const code = (text: string): string => text.replace(/\/\*[\s\S]*?\*\//g, "");
const filesWith = (pattern: RegExp): string[] =>
  globSync("**/*.ts", { cwd: src }).filter((file) => pattern.test(code(readFileSync(src + file, "utf8"))));

test("R32: the names that users import are these, each there on purpose", () => {
  expect(Object.keys(trunkline).sort()).toEqual(
    [
      "BestOfN",
      "ChainOfThought",
      "ChatAgent",
      "ChatAdapter",
      "DriverLM",
      "JSONAdapter",
      "XMLAdapter",
      "Example",
      "LM",
      "Module",
      "Predict",
      "ReAct",
      "Refine",
      "Signature",
      "TrunklineError",
      "applyState",
      "cache",
      "clients",
      "completion",
      "configure",
      "context",
      "currentLM",
      "events",
      "file",
      "contains",
      "evaluate",
      "exactMatch",
      "f1",
      "llmJudge",
      "normalizeText",
      "progressBar",
      "getSharedLM",
      "image",
      "isTrunklineError",
      "signature",
      "stateOf",
      "tool",
      "traceOf",
    ].sort(),
  );
});

test("R50: Clients, Pools and what carries calls are each made in one place", () => {
  // transport/ also makes undici's Clients, which own one socket each.
  expect(filesWith(/new Client\(/).filter((file) => !file.startsWith("transport/"))).toEqual([
    "clients/registry.ts",
  ]);
  expect(filesWith(/new Pool\(/)).toEqual(["transport/transport.ts"]);
  expect(filesWith(/new Admission\(/)).toEqual(["trunk.ts"]);
});

test("Z10: nothing waits for the garbage collector", () => {
  expect(filesWith(/WeakRef|FinalizationRegistry/)).toEqual([]);
});
