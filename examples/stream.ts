// An answer while it is being written, from the simulated provider inside this process: no key, no network.
import { LM } from "trunkline";

const lm = new LM("simulated/storyteller");
const stream = lm.stream("Tell me a story.");
for await (const delta of stream) process.stdout.write(delta.text);

const { usage } = await stream.completion;
console.log(`\n${usage.inputTokens} tokens in, ${usage.outputTokens} out`);
