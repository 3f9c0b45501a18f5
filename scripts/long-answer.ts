import { clients, LM } from "../src/index.ts";
import { faultyServer, gate, replies } from "../src/testing/index.ts";

// Five minutes are where HTTP clients give up by default. This waits longer, for real: for the first byte of an
// answer, and between two pieces of one, over both protocols at once. Run it by hand: it takes as long as it says.
const waitMs = Number(process.argv[2] ?? 320_000);
const event = (content: string): string =>
  `data: {"choices":[{"index":0,"delta":{"content":"${content}"}}]}\n\n`;

async function overProtocol(protocol: "h1" | "h2"): Promise<void> {
  const late = gate();
  setTimeout(() => late.open(), waitMs);
  await using server = await faultyServer({
    protocol,
    tls: true,
    script: (request) =>
      request.body.includes("gap")
        ? replies.events([event("before "), late, event("after"), "data: [DONE]\n\n"])
        : replies.chat("at last", { before: late }),
  });
  const lm = new LM("openai-compatible/model", {
    baseURL: `${server.url}/v1`,
    tls: { ca: server.ca! },
    protocol,
    timeout: waitMs * 2,
    maxRetries: 0,
    cache: false,
  });
  const started = performance.now();
  const gap = (async () => {
    let text = "";
    for await (const delta of lm.stream("gap")) text += delta.text;
    return text;
  })();
  const [first, streamed] = await Promise.all([lm.call("first byte"), gap]);
  const seconds = ((performance.now() - started) / 1_000).toFixed(0);
  const whole = first.text === "at last" && streamed === "before after" && server.seen.requests.length === 2;
  console.log(`${protocol}: ${whole ? "both answers whole, each sent once" : "WRONG"}, after ${seconds} s`);
  if (!whole) process.exitCode = 1;
}

await Promise.all([overProtocol("h1"), overProtocol("h2")]);
await clients.close();
