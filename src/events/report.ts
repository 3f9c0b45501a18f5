import type { Logger } from "../core/log.ts";

/** Tells of the first failure of something that is not ours and must fail no call; of further ones it is silent. */
export function reportOnce(what: string, logger: () => Logger): (error: unknown) => void {
  let reported = false;
  return (error) => {
    if (reported) return;
    reported = true;
    const text = error instanceof Error ? error.message : String(error);
    try {
      logger().warn(`trunkline: ${what} failed: ${text}`);
    } catch {}
  };
}
