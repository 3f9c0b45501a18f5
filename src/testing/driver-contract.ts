import type { Driver } from "../drivers/driver.ts";
import { cases, type DriverCase, type DriverUnderTest, runCase, type Situation } from "./contract/cases.ts";

/** The two functions of a test runner that a suite needs; those of vitest, jest, node:test and mocha fit. */
export interface Runner {
  readonly describe: (name: string, body: () => void) => unknown;
  readonly test: (name: string, body: () => Promise<void>) => unknown;
}

export interface DriverContractOptions extends Runner {
  /** Cases that this driver cannot hold, each with the reason, which is shown in the test's title. */
  readonly skip?: Readonly<Partial<Record<DriverCase, string>>>;
}

/**
 * The contract of a driver as a suite that any test runner can run. `makeDriver` is called for each case with
 * what the backend is to do; it returns a fresh driver, or one together with what else the suite may use.
 *
 * ```ts
 * import { describe, test } from "node:test";
 * import { driverContract, gate, scriptedDriver } from "trunkline/testing";
 *
 * driverContract(
 *   "scripted",
 *   (situation) => scriptedDriver(() => ({
 *     answers: "A few words.",
 *     waits: [gate()],
 *     stalls: ["A few", gate(), " words."],
 *     fails: new Error("no"),
 *   })[situation]),
 *   { describe, test },
 * );
 * ```
 */
export function driverContract(
  name: string,
  makeDriver: (situation: Situation) => Driver | DriverUnderTest | Promise<Driver | DriverUnderTest>,
  { describe, test, skip = {} }: DriverContractOptions,
): void {
  const make = async (situation: Situation): Promise<DriverUnderTest> => {
    const made = await makeDriver(situation);
    return "driver" in made ? made : { driver: made };
  };
  describe(`driver contract: ${name}`, () => {
    for (const key of Object.keys(cases) as DriverCase[]) {
      const { title } = cases[key];
      const why = skip[key];
      if (why === undefined) test(title, () => runCase(key, make));
      else test(`${title} (left out: ${why})`, async () => {});
    }
  });
}
