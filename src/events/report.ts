import { show } from "../core/check.ts";
import type { Logger } from "../core/log.ts";

/** Tells of the first failure of something that is not ours and must fail no call; of further ones it is silent. */
export function reportOnce(what: string, logger: () => Logger): (error: unknown) => void {
  let reported = false;
  return (error) => {
    if (reported) return;
    reported = true;
    // What was thrown may throw again when it is read.
    try {
      const text = error instanceof Error ? error.message : show(error);
      logger().warn(`trunkline: ${what} failed: ${text}`);
    } catch {}
  };
}
