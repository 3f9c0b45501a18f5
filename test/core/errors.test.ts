import { readFileSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import { describe, expect, test, vi } from "vitest";
import {
  catalogue,
  type ErrorCode,
  isTrunklineError,
  sideOf,
  TrunklineError,
} from "../../src/core/errors.ts";

describe("the catalogue", () => {
  test("docs/errors.md shows the same table", () => {
    const page = readFileSync(join(import.meta.dirname, "../../docs/errors.md"), "utf8");
    const shown = page
      .slice(page.indexOf("## Codes"))
      .split("\n")
      .filter((line) => line.startsWith("| `"));
    const held = Object.entries(catalogue).map(
      ([code, { side, retryable, meaning }]) =>
        `| \`${code}\` | ${side} | ${retryable ? "yes" : "no"} | ${meaning} |`,
    );
    expect(shown).toEqual(held);
  });

  test("docs/errors.md names every member of the error", () => {
    const page = readFileSync(join(import.meta.dirname, "../../docs/errors.md"), "utf8");
    const error = new TrunklineError("timeout", "", {
      status: 1,
      retryAfterMs: 1,
      requestId: "",
      provider: "",
      model: "",
      phase: "idle",
      partial: undefined,
      answer: "",
      rows: [],
      done: 1,
      sent: true,
      cause: "",
    });
    const own = Object.getOwnPropertyNames(error).filter(
      (name) => !["stack", "message", "name"].includes(name),
    );
    for (const name of own) expect(page).toContain(`\`${name}\``);
  });
});

describe("TrunklineError", () => {
  test("carries its code, its details and the catalogue's answer to whether it may be tried again", () => {
    const cause = new Error("beneath");
    const error = new TrunklineError("rate_limit", "too many", { status: 429, retryAfterMs: 1500, cause });
    expect(error).toMatchObject({
      name: "TrunklineError",
      code: "rate_limit",
      message: "too many",
      retryable: true,
      status: 429,
      retryAfterMs: 1500,
    });
    expect(error.cause).toBe(cause);
    expect(error).toBeInstanceOf(Error);
    expect("cause" in new TrunklineError("network", "lost")).toBe(false);
  });

  test("its own word on retrying goes before the catalogue's", () => {
    expect(new TrunklineError("timeout", "", { retryable: false }).retryable).toBe(false);
    expect(new TrunklineError("bad_response", "", { retryable: true }).retryable).toBe(true);
  });

  test("Z16: an error of another copy of the package is recognised, a look-alike is not", async () => {
    vi.resetModules();
    const other: typeof import("../../src/core/errors.ts") = await import("../../src/core/errors.ts");
    expect(other.TrunklineError).not.toBe(TrunklineError);
    const foreign = new other.TrunklineError("auth", "no");
    expect(isTrunklineError(foreign)).toBe(true);
    expect(foreign instanceof TrunklineError).toBe(true);
    for (const value of [
      new Error("no"),
      { code: "auth", name: "TrunklineError" },
      null,
      undefined,
      "auth",
      1,
    ]) {
      expect(isTrunklineError(value)).toBe(false);
      expect((value as object) instanceof TrunklineError).toBe(false);
    }
  });

  test("its mark does not show in JSON, in keys or in a copy", () => {
    const error = new TrunklineError("auth", "no");
    expect(Object.keys(error).sort()).toEqual(["code", "name", "retryable"]);
    expect(isTrunklineError({ ...error })).toBe(false);
  });

  test("P1: the answer that could not be read is there to be asked for, but in no log of the error", () => {
    const error = new TrunklineError("parse", "answer is missing", { answer: "the model's own words" });
    expect(error.answer).toBe("the model's own words");
    for (const logged of [
      inspect(error),
      JSON.stringify(error),
      String(error),
      JSON.stringify({ ...error }),
    ]) {
      expect(logged).not.toContain("own words");
    }
    expect("answer" in new TrunklineError("parse", "answer is missing")).toBe(false);
  });
});

test("anything can be thrown: a revoked proxy is no error of ours, and a code from a newer copy is the row's own", () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  expect(isTrunklineError(proxy)).toBe(false);
  expect(sideOf(proxy)).toBe("row");
  const newer = new TrunklineError("of_tomorrow" as ErrorCode, "new");
  expect([newer.code, newer.retryable, sideOf(newer)]).toEqual(["of_tomorrow", false, "row"]);
  expect(sideOf(new TrunklineError("toString" as ErrorCode, "odd"))).toBe("row");
});

describe("sideOf", () => {
  test("follows the catalogue, except that a timeout before dispatch is the provider's", () => {
    for (const [code, { side }] of Object.entries(catalogue)) {
      expect(sideOf(new TrunklineError(code as ErrorCode, ""))).toBe(side);
    }
    for (const phase of ["queue", "connect"] as const) {
      expect(sideOf(new TrunklineError("timeout", "", { phase }))).toBe("provider");
    }
    for (const phase of ["first_byte", "idle", "total"] as const) {
      expect(sideOf(new TrunklineError("timeout", "", { phase }))).toBe("row");
    }
  });

  test("what a program throws is its row's own", () => {
    for (const error of [new Error("bug"), "bug", undefined, null]) expect(sideOf(error)).toBe("row");
  });
});
