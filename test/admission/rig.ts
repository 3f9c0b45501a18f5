import { Admission, type LineFacts } from "../../src/admission/admission.ts";
import { type Call, type CallOptions, compose, newRecord } from "../../src/core/call.ts";
import { type Completion, type CompletionDetails, completion } from "../../src/core/completion.ts";
import type { ChatRequest } from "../../src/core/request.ts";
import { makeRequest } from "../../src/core/request.ts";
import { Slots } from "../../src/core/slots.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";

/** One attempt that reached the driver; the test decides how it ends. */
export interface Work {
  readonly request: ChatRequest;
  readonly options: CallOptions;
  readonly at: number;
  answer(text?: string, details?: CompletionDetails): Promise<void>;
  fail(error: unknown): Promise<void>;
}

export function request(prompt: string, model = "m"): ChatRequest {
  return makeRequest(model, prompt, {}, {});
}

/** Admission on a fake clock over a driver that does what the test says. */
export class Rig {
  readonly clock: FakeClock;
  readonly admission: Admission;
  /** Every attempt that was started, in order. */
  readonly works: Work[] = [];
  readonly lines: string[] = [];

  constructor(seed = 1) {
    this.clock = new FakeClock({ seed });
    const say = (message: string): void => void this.lines.push(message);
    const logger = { debug: say, info: say, warn: say };
    this.admission = new Admission({ clock: this.clock, logger: () => logger });
  }

  facts(facts: Partial<LineFacts> = {}): LineFacts {
    return {
      origin: "https://api.example",
      account: "a",
      slots: [new Slots(2_000)],
      concurrencyBound: false,
      cachesPrefixes: false,
      gauges: { queued: 0, waitingForSocket: 0 },
      ...facts,
    };
  }

  options(options: Partial<CallOptions> = {}): CallOptions {
    return {
      deadlineAt: Number.POSITIVE_INFINITY,
      timeout: 300_000,
      firstByteTimeout: 300_000,
      idleTimeout: 300_000,
      queueTimeout: Number.POSITIVE_INFINITY,
      maxQueue: 100_000,
      maxRetries: 3,
      abandonAfter: 30_000,
      priority: "interactive",
      fairnessKey: "rest",
      prefixSharing: "auto",
      watch: {},
      record: newRecord(this.clock.now()),
      ...options,
    };
  }

  readonly driver: Call = (request, options) =>
    new Promise<Completion>((resolve, reject) => {
      this.works.push({
        request,
        options,
        at: this.clock.now(),
        answer: async (text = "ok", details = {}) => {
          resolve(completion(text, details));
          await this.settle();
        },
        fail: async (error) => {
          reject(error);
          await this.settle();
        },
      });
    });

  /** A Client's way in. */
  line(facts: Partial<LineFacts> = {}): Call {
    return compose([this.admission.layer(this.facts(facts))], this.driver);
  }

  async settle(): Promise<void> {
    await this.clock.advance(0);
  }

  prompts(): string[] {
    return this.works.map(({ request }) => request.messages.at(-1)!.content as string);
  }
}
