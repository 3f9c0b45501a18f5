import { AsyncLocalStorage } from "node:async_hooks";
import { afterEach, describe, expect, test, vi } from "vitest";
import { env } from "../../src/core/env.ts";
import { silent } from "../../src/core/log.ts";
import { outside } from "../../src/core/outside.ts";

afterEach(() => vi.unstubAllEnvs());

describe("outside", () => {
  test("N13: what is started inside remembers no caller's context", async () => {
    const context = new AsyncLocalStorage<string>();
    const later = context.run("a call", () => ({
      kept: new Promise((resolve) => setImmediate(() => resolve(context.getStore()))),
      freed: new Promise((resolve) => outside(() => setImmediate(() => resolve(context.getStore())))),
    }));
    expect(await later.kept).toBe("a call");
    expect(await later.freed).toBeUndefined();
  });

  test("passes results and errors through, and gives the context back", () => {
    const context = new AsyncLocalStorage<string>();
    context.run("a call", () => {
      expect(outside(() => 5)).toBe(5);
      expect(() =>
        outside(() => {
          throw new Error("through");
        }),
      ).toThrow("through");
      expect(context.getStore()).toBe("a call");
    });
  });
});

describe("env", () => {
  test("Z13: reads at the moment it is asked, trims, and takes an empty variable for none", () => {
    vi.stubEnv("TRUNKLINE_TEST", "  value\n");
    expect(env("TRUNKLINE_TEST")).toBe("value");
    vi.stubEnv("TRUNKLINE_TEST", "other");
    expect(env("TRUNKLINE_TEST")).toBe("other");
    vi.stubEnv("TRUNKLINE_TEST", "  ");
    expect(env("TRUNKLINE_TEST")).toBeUndefined();
    expect(env("TRUNKLINE_TEST_ABSENT")).toBeUndefined();
  });
});

test("the default logger prints nothing", () => {
  const spies = (["debug", "info", "warn", "log", "error"] as const).map((name) => vi.spyOn(console, name));
  silent.debug("x");
  silent.info("x");
  silent.warn("x");
  for (const spy of spies) {
    expect(spy).not.toHaveBeenCalled();
    spy.mockRestore();
  }
});
