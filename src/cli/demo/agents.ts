import { Agent, request } from "node:https";
import { LM } from "../../index.ts";
import { type Job, maxTokens, type Way } from "./job.ts";

/** What an answer used. */
export interface Used {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly usd?: number;
}

/** One agent: asks, and waits for the answer. */
export type Ask = (prompt: string) => Promise<Used>;

/** How an agent is made, each with a client of its own, as programs commonly do. */
export const makeAgent: Readonly<Record<Way, (job: Job) => Ask>> = {
  plain: plainAgent,
  trunkline: pooledAgent,
};

function pooledAgent({ model, simulated }: Job): Ask {
  const connection = simulated && { baseURL: simulated.url, apiKey: "simulated", tls: { ca: simulated.ca } };
  const lm = new LM(model, { ...connection, maxTokens, cache: false });
  return async (prompt) => {
    const { usage, cost } = await lm.call(prompt);
    return { inputTokens: usage.inputTokens, outputTokens: usage.outputTokens, usd: cost?.usd };
  };
}

/** The longest that the plain way waits for a socket to move. */
const patience = 30_000;

/** A client that keeps its connection between its calls, which is the best that a client of one's own can do. */
function plainAgent({ model, simulated }: Job): Ask {
  if (simulated === undefined) throw new Error("the plain way is for the simulated provider alone");
  const { url, ca } = simulated;
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ca });
  const name = model.slice(model.indexOf("/") + 1);
  return async (prompt) => {
    const body = { model: name, messages: [{ role: "user", content: prompt }], max_tokens: maxTokens };
    const answer = await post(`${url}/chat/completions`, agent, JSON.stringify(body));
    const { usage } = JSON.parse(answer);
    return { inputTokens: usage.prompt_tokens, outputTokens: usage.completion_tokens };
  };
}

function post(url: string, agent: Agent, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", authorization: "Bearer simulated" };
    const sent = request(url, { agent, method: "POST", headers, timeout: patience }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("error", reject);
      response.on("end", () => {
        if (response.statusCode === 200) resolve(text);
        else reject(Object.assign(new Error("refused"), { code: `HTTP ${response.statusCode}` }));
      });
    });
    sent.on("timeout", () => sent.destroy(Object.assign(new Error("timeout"), { code: "timeout" })));
    sent.on("error", reject);
    sent.end(body);
  });
}
