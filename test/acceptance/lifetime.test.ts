import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test, vi } from "vitest";
import { clients, LM } from "../../src/index.ts";

const child = fileURLToPath(new URL("lifetime-child.ts", import.meta.url));

test("Z9, Z18: rounds of calls, retries, aborts and closes leave the heap as it was, and no handler on the process", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ["--expose-gc", child], { timeout: 60_000 });
  const { growth, listeners } = JSON.parse(stdout);
  expect(listeners).toEqual([0, 0, 0, 0, 0, 0]);
  // Eleven thousand calls later: a listener or a context a call would be megabytes.
  expect(growth).toBeLessThan(1_000_000);
});

test("Z15: a test runner that loads the modules anew finds the same registry", async () => {
  const before = clients.stats().created;
  vi.resetModules();
  const again = await import("../../src/index.ts");
  expect(again.LM).not.toBe(LM);
  await again.clients.close();
  const lm = new again.DriverLM({ model: "z15", requestFn: async () => "x", outputFn: (raw) => raw });
  await lm.call("x");
  expect(clients.stats().created).toBe(before + 1);
});

test("Z6: nothing that its user made is taken, so nothing of a user's can be closed", () => {
  for (const name of ["agent", "dispatcher", "fetch", "httpAgent"]) {
    expect(() => new LM("openai/x", { apiKey: "sk-test-0123456789abcdef", [name]: {} } as never)).toThrow(
      `unknown option "${name}"`,
    );
  }
});
