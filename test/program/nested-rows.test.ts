import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { Configs } from "../../src/clients/config.ts";
import { Registry } from "../../src/clients/registry.ts";
import { silent } from "../../src/core/log.ts";
import { LM } from "../../src/lm/lm.ts";
import { Module } from "../../src/program/module.ts";
import { Predict } from "../../src/program/predict.ts";
import { FakeClock, simulatedDriver } from "../../src/testing/index.ts";
import { Transport } from "../../src/transport/transport.ts";
import { trunk } from "../../src/trunk.ts";

const place = Symbol.for("trunkline.registry.v1");
const before = Object.getOwnPropertyDescriptor(globalThis, place);

afterEach(() => {
  if (before) Object.defineProperty(globalThis, place, before);
  else Reflect.deleteProperty(globalThis, place);
});

/** The process's registry, on a clock that moves only by hand. */
function onVirtualTime(): FakeClock {
  const clock = new FakeClock();
  const transport = new Transport({ clock, logger: () => silent });
  const value = new Registry({ clock, transport, configs: new Configs() });
  Object.defineProperty(globalThis, place, { value, configurable: true });
  return clock;
}

/** A tree of batches: a leaf asks once, a node runs its children as the rows of a batch of its own. */
interface Tree {
  readonly children: readonly Tree[];
  readonly concurrency: number;
}

const { tree } = fc.letrec<{ tree: Tree; leaf: Tree }>((tie) => ({
  leaf: fc.constant({ children: [], concurrency: 1 }),
  tree: fc.record({
    children: fc.array(fc.oneof({ depthSize: "small" }, tie("leaf"), tie("tree")), { maxLength: 4 }),
    concurrency: fc.integer({ min: 1, max: 3 }),
  }),
}));

class Walk extends Module {
  ask = new Predict("question -> answer");
  count = 0;
  async forward({ children, concurrency }: Tree): Promise<number> {
    if (children.length === 0) {
      await this.ask.call({ question: `${this.count++}` });
      return 1;
    }
    const rows = await this.batch(children, { concurrency });
    return rows.reduce((sum, { prediction }) => sum + (prediction as number), 0);
  }
}

const leaves = ({ children }: Tree): number =>
  children.length === 0 ? 1 : children.reduce((sum, child) => sum + leaves(child), 0);

test("batches inside batches, of any shape, with few workers and few slots, all come to their end", async () => {
  await fc.assert(
    fc.asyncProperty(tree, fc.integer({ min: 1, max: 3 }), fc.nat(), async (root, slots, seed) => {
      const clock = onVirtualTime();
      const driver = simulatedDriver({
        clock,
        seed,
        latency: { firstTokenMs: 50, perTokenMs: 5 },
        requestsPerMinute: 600,
        answer: () => "[[ ## answer ## ]]\nyes\n\n[[ ## completed ## ]]",
      });
      const lm = new LM(trunk().driverTarget(driver, "simulated", { maxParallelRequests: slots }), {
        cache: false,
      });
      let found: number | undefined;
      const run = new Walk().call(root, { lm, adapter: "chat" }).then((value) => {
        found = value;
      });
      // Nothing left to wait for, and no end: that would be a deadlock.
      for (let idle = 0; found === undefined && idle < 3; idle++) {
        await clock.advance(0);
        while (found === undefined && clock.pending > 0) {
          idle = 0;
          await clock.advance(Math.max(0, clock.nextAt - clock.now()));
        }
      }
      expect(found).toBe(leaves(root));
      await run;
    }),
    { numRuns: 60 },
  );
});
