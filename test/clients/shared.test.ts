import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterEach, describe, expect, test } from "vitest";
import { resolveConfig, sharedConfigs } from "../../src/clients/config.ts";
import { clients } from "../../src/clients/process-clients.ts";
import { registry } from "../../src/clients/registry.ts";
import { openai, setUp, testKey } from "./parts.ts";

const source = new URL("../../src/clients/", import.meta.url);

/** Runs a module in a process of its own, where a path with `?copy=2` is a second copy of the whole package. */
async function run(code: string): Promise<unknown> {
  const program = `
    import { registerHooks } from "node:module";
    registerHooks({
      resolve(specifier, context, next) {
        const found = next(specifier, context);
        const second = context.parentURL?.endsWith("?copy=2") && found.url.includes("/src/");
        return second && !found.url.includes("?") ? { ...found, url: found.url + "?copy=2" } : found;
      },
    });
    const load = async (copy) => ({
      ...(await import(${JSON.stringify(source.href)} + "registry.ts" + copy)),
      ...(await import(${JSON.stringify(source.href)} + "config.ts" + copy)),
      ...(await import(${JSON.stringify(source.href)} + "../core/errors.ts" + copy)),
    });
    const [one, two] = [await load(""), await load("?copy=2")];
    const openai = ${JSON.stringify(openai)};
    const show = (value) => console.log(JSON.stringify(value));
    ${code}`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", program], {
    env: { PATH: process.env.PATH, OPENAI_API_KEY: testKey },
  });
  return JSON.parse(stdout);
}

describe("two copies of the package", () => {
  test("Z16: they share the registry, its Clients and its closes", async () => {
    const seen = await run(`
      const [a, b] = [one.resolveConfig(openai), two.resolveConfig(openai)];
      const client = one.registry().get(a);
      const facts = {
        copies: one.Registry !== two.Registry && one.TrunklineError !== two.TrunklineError,
        registry: one.registry() === two.registry(),
        config: a === b,
        client: two.registry().get(b) === client,
        companion: one.registry().attach("x", () => ({})) === two.registry().attach("x", () => ({})),
      };
      await two.registry().close();
      let error;
      try { one.registry().get(a); } catch (caught) { error = caught; }
      show({ ...facts, code: error.code, known: one.isTrunklineError(error) && two.isTrunklineError(error) });
    `);
    expect(seen).toEqual({
      copies: true,
      registry: true,
      config: true,
      client: true,
      companion: true,
      code: "closed",
      known: true,
    });
  });

  test("Z7, Z17: neither importing it nor an idle Client keeps a process alive, or listens to its signals", async () => {
    const seen = await run(`
      one.registry().get(one.resolveConfig(openai));
      show(["SIGTERM", "SIGINT", "exit", "beforeExit"].map((name) => process.listenerCount(name)));
    `);
    expect(seen).toEqual([0, 0, 0, 0]);
  });

  test("the registry is found by its symbol and by nobody who walks over globalThis", () => {
    const own = registry();
    expect((globalThis as Record<symbol, unknown>)[Symbol.for("trunkline.registry.v1")]).toBe(own);
    expect(
      Object.getOwnPropertySymbols(globalThis).filter((s) => Object.propertyIsEnumerable.call(globalThis, s)),
    ).not.toContain(Symbol.for("trunkline.registry.v1"));
    expect(own.configs).toBe(sharedConfigs());
  });
});

test("attach makes a companion once", () => {
  const { registry } = setUp();
  let made = 0;
  const make = () => ({ number: ++made });
  expect(registry.attach("a", make)).toBe(registry.attach("a", make));
  expect(registry.attach("b", make)).toEqual({ number: 2 });
  expect(made).toBe(2);
});

describe("the clients of this process", () => {
  afterEach(() => clients.close({ mode: "abort" }));

  test("R45, R56, R89, R90: they can be counted, listed, limited and closed", async () => {
    const { stats, list, closeIdle, configure } = clients;
    const before = stats();
    configure({ maxIdleClients: 10 });
    registry().get(resolveConfig(openai, { apiKey: testKey }));
    expect(stats()).toMatchObject({ clients: before.clients + 1, created: before.created + 1, sockets: 0 });
    expect(list().at(-1)).toMatchObject({ provider: "openai", settings: { apiKey: "****WXYZ" } });
    expect(await closeIdle(0)).toBe(before.clients + 1);
    expect(stats().clients).toBe(0);
  });
});
