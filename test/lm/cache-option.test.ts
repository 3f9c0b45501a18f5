import { afterEach, expect, test } from "vitest";
import { cache, clients, completion, DriverLM } from "../../src/index.ts";

afterEach(async () => {
  await clients.close({ mode: "abort" });
  await cache.clear();
});

const answering = (text: string, model?: string) =>
  new DriverLM<string>({
    ...(model !== undefined && { model }),
    requestFn: () => text,
    outputFn: (raw) => completion(raw),
  });

// `process.env.TENANT ?? ""` must not mean "with everybody else".
test.each([{ scope: "" }, { replicas: "" }, { ttl: 0 }, { ttl: "1" }, { sope: "x" }])(
  "cache: %j is a config error that says what is expected",
  async (choice) => {
    await expect(answering("x").call("q", { cache: choice as object })).rejects.toMatchObject({
      code: "config",
      message: expect.stringMatching(/scope and replicas are names, ttl is milliseconds above 0/),
    });
  },
);

test("a DriverLM's model is a name: an empty one would give one backend's answers to another", () => {
  expect(() => answering("a", "")).toThrow(/DriverLM: model: expected a name/);
});
