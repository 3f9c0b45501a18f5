import type { PrefixMark } from "../core/call.ts";

/** How a request is to be written, beside what it says. */
export interface Encoding {
  readonly stream: boolean;
  /** The shared prefixes to mark, where the provider takes marks. */
  readonly prefixMark?: PrefixMark | undefined;
}
