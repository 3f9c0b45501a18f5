/**
 * A program with types over many rows, on the simulated provider, so it runs as it is:
 *
 *     node examples/program.ts
 *
 * With MODEL_NAME=openai/gpt-4o-mini and OPENAI_API_KEY it runs on a real one.
 */
import { ChainOfThought, clients, LM, Module, Predict } from "trunkline";

class Triage extends Module {
  sort = new Predict("message -> topic: 'billing' | 'bug' | 'praise', urgent: boolean");
  answer = new ChainOfThought("message, topic -> reply");
  constructor(lm: LM) {
    super();
    this.setLM(lm);
  }
  async forward({ message }: { message: string }) {
    const { topic, urgent } = await this.sort.call({ message });
    const { reply } = await this.answer.call({ message, topic });
    return { topic, urgent, reply };
  }
}

const triage = new Triage(new LM(process.env.MODEL_NAME ?? "simulated/small"));
const messages = Array.from({ length: 20 }, (_, i) => ({ message: `Message ${i}: my invoice is wrong.` }));

for await (const row of triage.each(messages)) {
  if (row.error === undefined) console.log(row.index, row.prediction.topic, row.prediction.urgent);
  else console.log(row.index, row.error.message);
}

const { trace } = await triage.run(messages[0]!);
console.log(String(trace));
await clients.close();
