import type { Usage } from "../core/completion.ts";
import { Slots } from "../core/slots.ts";

export class AdaptiveConcurrency {
  readonly slots = new Slots(4);
  answered(
    _startedAt: number,
    _firstByteMs: number | undefined,
    _streams: boolean,
    _usage: Usage,
    _now: number,
  ): void {}
  failed(_error: unknown, _startedAt: number, _now: number): void {}
}
