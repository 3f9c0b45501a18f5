import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const child = fileURLToPath(new URL("memory-child.ts", import.meta.url));

test("R28, R59: 20,000 LMs of ten configurations weigh at most 512 bytes each and open nothing", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ["--expose-gc", child], { timeout: 60_000 });
  const outcome = JSON.parse(stdout);
  expect(outcome).toMatchObject({ lms: 20_000, made: 0, sockets: 0, moreDescriptors: 0 });
  expect(outcome.bytesEach).toBeLessThan(512);
  // A hundred megabytes were closed over; what an abandoned DriverLM held is gone with it.
  expect(outcome.closures).toBeLessThan(10_000_000);
});
