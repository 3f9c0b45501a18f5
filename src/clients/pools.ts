import type { TrunklineError } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import type { Slots } from "../core/slots.ts";
import type { Exchange, Receiver } from "../transport/exchange.ts";
import type { PoolSettings, PoolUse } from "../transport/settings.ts";

export interface PoolHandle {
  readonly origin: string;
  readonly protocol: string;
  readonly slots: Slots;
  send(exchange: Exchange, receiver: Receiver): Promise<void>;
  release(): Promise<void> | void;
  destroy(error: TrunklineError): Promise<void> | void;
  stats(): { readonly sockets: number };
}

export interface Pools {
  open(settings: PoolSettings, use: PoolUse): PoolHandle;
  configure(options: { readonly maxSockets?: number; readonly logger?: Logger }): void;
  stats(): { readonly pools: number; readonly sockets: number };
}
