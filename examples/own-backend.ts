// Any backend: two functions. Retries, admission, joining of aborts and events come along.
import { completion, DriverLM, isTrunklineError } from "trunkline";

let asked = 0;

/** A backend with its own idea of an answer, which is busy at first. */
async function slowBackend(text: string): Promise<{ status: number; reply: string }> {
  return ++asked === 1 ? { status: 503, reply: "" } : { status: 200, reply: ` You said: ${text}\n` };
}

const lm = new DriverLM({
  model: "mirror-1",
  requestFn: async ({ prompt }) => {
    const { status, reply } = await slowBackend(prompt);
    if (status !== 200) throw Object.assign(new Error("the backend is busy"), { status });
    return reply;
  },
  outputFn: (reply: string) => completion(reply.trim(), { inputTokens: 4, outputTokens: 5 }),
});

const answer = await lm.call("hello");
console.log(`${answer.text} (asked ${asked} times, ${answer.usage.totalTokens} tokens)`);

const controller = new AbortController();
const late = lm.call("hello again", { signal: controller.signal });
controller.abort();
await late.catch((error) => console.log(isTrunklineError(error) ? error.code : error));
