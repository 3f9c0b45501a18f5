import { expect, test } from "vitest";
import { type CallOptions, compose, type Layer, newRecord } from "../../src/core/call.ts";
import { completion } from "../../src/core/completion.ts";
import { makeRequest } from "../../src/core/request.ts";

const request = makeRequest("m", "x", {}, {});
const options = {} as CallOptions;

test("compose runs layers from the outermost in, and back out", async () => {
  const trail: string[] = [];
  const layer =
    (name: string): Layer =>
    (next) =>
    async (...call) => {
      trail.push(`${name} in`);
      const answer = await next(...call);
      trail.push(`${name} out`);
      return answer;
    };
  const call = compose([layer("a"), layer("b")], async () => completion("hi"));
  expect((await call(request, options)).text).toBe("hi");
  expect(trail).toEqual(["a in", "b in", "b out", "a out"]);
});

test("compose of no layers is the innermost call itself", () => {
  const innermost = async () => completion("hi");
  expect(compose([], innermost)).toBe(innermost);
});

test("a layer may answer alone, and may call again", async () => {
  let asked = 0;
  const twice: Layer = (next) => async (request, options) => {
    await next(request, options);
    return next(request, options);
  };
  const call = compose([twice], async () => completion(String(++asked)));
  expect((await call(request, options)).text).toBe("2");
  const alone: Layer = () => async () => completion("mine");
  expect((await compose([alone, twice], () => expect.unreachable())(request, options)).text).toBe("mine");
});

test("a record starts with nothing happened", () => {
  expect(newRecord(5)).toEqual({
    arrivedAt: 5,
    attempts: 0,
    queueMs: 0,
    providerMs: 0,
    possiblyPaid: 0,
    cache: "off",
  });
});
