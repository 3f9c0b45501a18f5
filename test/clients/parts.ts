import type { Client } from "../../src/clients/client.ts";
import type { ClientConfig } from "../../src/clients/config.ts";
import { Configs, resolveConfig, resolveLocalConfig } from "../../src/clients/config.ts";
import { LeakWatch } from "../../src/clients/leak-watch.ts";
import { Registry } from "../../src/clients/registry.ts";
import type { ClientOptions, LocalOptions, ProviderFacts } from "../../src/clients/settings.ts";
import type { TrunklineError } from "../../src/core/errors.ts";
import type { Leave } from "../../src/core/signals.ts";
import { Slots } from "../../src/core/slots.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import type { PoolHandle, Transport } from "../../src/transport/transport.ts";

export const openai: ProviderFacts = {
  name: "openai",
  label: "OpenAI",
  baseURL: "https://api.openai.com/v1",
  baseURLVariables: ["OPENAI_BASE_URL"],
  keyVariables: ["OPENAI_API_KEY"],
  keyRequired: true,
  organizationVariable: "OPENAI_ORG_ID",
  projectVariable: "OPENAI_PROJECT_ID",
  timeoutVariable: "OPENAI_TIMEOUT",
  retriesVariable: "OPENAI_MAX_RETRIES",
  cachesPrefixes: true,
  concurrencyBound: false,
};

export const local: ProviderFacts = {
  name: "driver",
  baseURLVariables: [],
  keyVariables: [],
  keyRequired: false,
  cachesPrefixes: false,
  concurrencyBound: true,
};

export const testKey = "sk-test-0123456789abcdef-WXYZ";

type OpenSettings = Parameters<Transport["open"]>[0];
type OpenUse = Parameters<Transport["open"]>[1];

/** A handle that remembers what was done with it, and on whom. */
export class FakeHandle implements PoolHandle {
  readonly origin: string;
  readonly protocol = "h2";
  readonly slots = new Slots(1_000);
  readonly settings: OpenSettings;
  readonly use: OpenUse;
  releases = 0;
  destroyedWith: TrunklineError | undefined;

  constructor(settings: OpenSettings, use: OpenUse) {
    this.origin = settings.origin;
    this.settings = settings;
    this.use = use;
  }

  async send(): Promise<void> {
    throw new Error("nothing is sent here");
  }

  release(): void {
    this.releases++;
  }

  destroy(error: TrunklineError): void {
    this.destroyedWith = error;
  }

  stats() {
    return { sockets: 3, inFlight: 0, waitingForSocket: 0 };
  }
}

export class FakeTransport {
  readonly handles: FakeHandle[] = [];
  maxSockets = 1_000;
  waitingForSocket = 0;
  failure: Error | undefined;

  open(settings: OpenSettings, use: OpenUse): FakeHandle {
    if (this.failure !== undefined) throw this.failure;
    const handle = new FakeHandle(settings, use);
    this.handles.push(handle);
    return handle;
  }

  stats() {
    const pools = this.handles.length;
    return { pools, sockets: 3 * pools, opened: pools, inFlight: 0, waitingForSocket: this.waitingForSocket };
  }
}

/** A registry of its own with everything that a test wants to look at. */
export function setUp({ leakThreshold }: { leakThreshold?: number } = {}) {
  const clock = new FakeClock();
  const transport = new FakeTransport();
  const configs = new Configs();
  const lines: string[] = [];
  const logger = {
    debug: (line: string) => void lines.push(`debug ${line}`),
    info: (line: string) => void lines.push(`info ${line}`),
    warn: (line: string) => void lines.push(`warn ${line}`),
  };
  const registry = new Registry({ clock, transport, configs, leaks: new LeakWatch(leakThreshold) });
  const config = (options: ClientOptions = {}): ClientConfig =>
    resolveConfig(openai, { apiKey: testKey, ...options }, configs);
  const localConfig = (backend: object, options: LocalOptions = {}): ClientConfig =>
    resolveLocalConfig(local, backend, options, configs);
  const get = (options: ClientOptions = {}): Client => registry.get(config(options));
  return { clock, transport, configs, registry, lines, logger, config, localConfig, get };
}

/** A call in flight on a Client, as the layer above makes one. */
export function startCall(client: Client) {
  let error: TrunklineError | undefined;
  const leave: Leave = (reason) => {
    client.open.delete(leave);
    error = reason;
  };
  client.open.add(leave);
  return {
    end: (): void => void client.open.delete(leave),
    get error() {
      return error;
    },
  };
}

/** Runs `fn` and brings what it threw. */
export function thrown(fn: () => unknown): TrunklineError {
  try {
    fn();
  } catch (error) {
    return error as TrunklineError;
  }
  throw new Error("nothing was thrown");
}
