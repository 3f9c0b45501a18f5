import type { Call } from "../core/call.ts";
import { checkDriver, refusal } from "./abilities.ts";
import { type Driver, isTrusted } from "./driver.ts";
import { type GuardParts, type Post, reasonOf, Work } from "./work.ts";

export type { GuardParts } from "./work.ts";

/**
 * Makes any driver safe. It is started once, asked only for what it can carry and only while somebody waits;
 * its answers are checked and made plain, its errors get a code; what it does after its end is ignored, and when
 * it never ends it is written off, so that the place it holds returns. Drivers of this package (`trusted`)
 * are spared the checks of their answers, and the deadline, which they keep themselves.
 */
export function guard(driver: Driver, parts: GuardParts): Call {
  checkDriver(driver);
  const post: Post = { ...parts, driver, trusted: isTrusted(driver), warned: false };
  let ready = driver.init === undefined;
  let starting: Promise<void> | undefined;

  const start = (): Promise<void> => {
    starting ??= startUp(driver).then(
      () => {
        ready = true;
      },
      (error) => {
        starting = undefined;
        throw error;
      },
    );
    return starting;
  };

  return (request, options) => {
    const { signal } = options;
    if (signal?.aborted) return Promise.reject(reasonOf(signal));
    const refused = refusal(request, driver);
    if (refused !== undefined) return Promise.reject(refused);
    return new Promise((resolve, reject) => {
      const work = new Work(post, request, options, resolve, reject);
      if (ready) work.run();
      else work.runAfter(start());
    });
  };
}

async function startUp(driver: Driver): Promise<void> {
  await driver.init?.();
}
