import { TrunklineError } from "../../src/core/errors.ts";
import { type Driver, trusted } from "../../src/drivers/driver.ts";
import type { Provider } from "./provider.ts";
import { callerOf } from "./question.ts";
import type { LinePlan } from "./scenario.ts";
import type { Witness } from "./stack.ts";

/** A driver whose work the modelled provider decides. */
export function modelledDriver(name: string, line: LinePlan, provider: Provider, witness: Witness): Driver {
  const { callNumber, work } = witness;
  const plain: Driver = {
    name,
    abilities: { images: true, files: true, tools: true, responseFormat: "json_schema", choices: true },
    ...(line.start && { init: starting(line.start, witness) }),
    chat: (_request, options) =>
      work(callNumber(callerOf(options)), options.onDelta !== undefined, (attempt) =>
        provider.chat(line, attempt, options),
      ),
  };
  return line.own ? trusted(plain) : plain;
}

function starting(start: NonNullable<LinePlan["start"]>, { world }: Witness): () => Promise<void> {
  let failures = 0;
  return () =>
    new Promise((resolve, reject) => {
      if (start.never) return;
      world.script(start.ms, "start", () => {
        if (failures++ >= start.failures) resolve();
        else if (failures % 2 === 0) reject(new TrunklineError("network", "not up yet", { sent: false }));
        else reject(new TypeError("a driver's own mistake"));
      });
    });
}
