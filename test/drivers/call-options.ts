import { newRecord } from "../../src/core/call.ts";
import { type ChatRequest, type Input, makeRequest, type Sampling } from "../../src/core/request.ts";
import type { DriverOptions } from "../../src/drivers/driver.ts";

/** Options of a call that sets nothing of its own. */
export function callOptions(own: Partial<DriverOptions> = {}): DriverOptions {
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
    fairnessKey: "",
    prefixSharing: "auto",
    watch: {},
    record: newRecord(0),
    ...own,
  };
}

export function question(
  input: Input = "What is a trunk line?",
  sampling: Sampling = {},
  model = "m1",
): ChatRequest {
  return makeRequest(model, input, sampling, {});
}
