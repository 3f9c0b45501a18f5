// 2,000 agents, each with an LM of its own, on a handful of connections. `trunkline/testing` stands in for a provider:
// a real server with TLS on loopback. Against a real one, leave the options out and set OPENAI_API_KEY.
import { clients, LM } from "trunkline";
import { startProvider } from "trunkline/testing";

const provider = await startProvider({ latencyMs: 100 });
const options = { baseURL: provider.url, apiKey: "none", tls: { ca: provider.ca } };

async function agent(row: number): Promise<string> {
  const lm = new LM("openai/gpt-4o-mini", options);
  const plan = await lm.call(`Plan how to describe row ${row}.`);
  const answer = await lm.call([
    { role: "user", content: `Describe row ${row}.` },
    { role: "assistant", content: plan.text },
    { role: "user", content: "Go on." },
  ]);
  return answer.text;
}

const answers = await Promise.all(Array.from({ length: 2000 }, (_, row) => agent(row)));
console.log(`${answers.length} agents answered; the first: ${answers[0]}`);

const { sockets } = await provider.stats();
console.log(`${sockets.ever} connections were opened for ${answers.length * 2} calls`);
await clients.close();
await provider.close();
