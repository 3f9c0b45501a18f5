import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { trunkline } from "../lib/built.ts";
import type { Ask, Job } from "./job.ts";

/** Loads what a contestant needs and gives the maker of its clients, all with the options they ship with. */
type Contestant = (job: Job) => Promise<() => Ask>;

const model = "sim";
const apiKey = "simulated";

export const contestants: Readonly<Record<string, Contestant>> = {
  trunkline: async ({ url }) => {
    const { LM } = await trunkline();
    return () => {
      const lm = new LM(`openai/${model}`, { baseURL: url, apiKey, cache: false });
      return async (prompt) => (await lm.call(prompt)).text;
    };
  },
  openai: (job) => byOpenAI("openai", job),
  // Its path is not the provider's; behind a `#` it is no part of the address.
  "groq-sdk": (job) => byOpenAI("groq-sdk", { ...job, url: `${job.url}/chat/completions#` }),
  "ai + openai-compatible": async ({ url, clientPer }) => {
    const { generateText } = await load<{ generateText: GenerateText }>("ai");
    const { createOpenAICompatible } = await load<{ createOpenAICompatible: MakeProvider }>(
      "@ai-sdk/openai-compatible",
    );
    const transport = await transportOf(clientPer);
    return () => {
      const { options, end } = transport();
      const provider = createOpenAICompatible({ name: "simulated", baseURL: url, apiKey, ...options });
      return async (prompt) => end((await generateText({ model: provider(model), prompt })).text);
    };
  },
  "@langchain/openai": async ({ url, clientPer }) => {
    const { ChatOpenAI } = await load<{ ChatOpenAI: LangChain }>("@langchain/openai");
    const transport = await transportOf(clientPer);
    return () => {
      const { options, end } = transport();
      const chat = new ChatOpenAI({ model, apiKey, configuration: { baseURL: url, ...options } });
      return async (prompt) => end(String((await chat.invoke(prompt)).content));
    };
  },
  "@ax-llm/ax": async ({ url, clientPer }) => {
    const { AxAIOpenAI } = await load<{ AxAIOpenAI: Ax }>("@ax-llm/ax");
    const transport = await transportOf(clientPer);
    return () => {
      const { options, end } = transport();
      const ai = new AxAIOpenAI({ apiKey, apiURL: url, config: { model, stream: false }, options });
      return async (prompt) => {
        const { results } = await ai.chat({ chatPrompt: [{ role: "user", content: prompt }] });
        return end(results[0]!.content);
      };
    };
  },
  "@cerebras/cerebras_cloud_sdk": async ({ url, clientPer }) => {
    const { default: Cerebras } = await load<{ default: OpenAIClass }>("@cerebras/cerebras_cloud_sdk");
    return () => {
      const httpAgent = clientPer === "call" ? new HttpsAgent({ keepAlive: false }) : undefined;
      const client = new Cerebras({ apiKey, baseURL: hostOf(url), httpAgent });
      return (prompt) => chatOf(client, prompt);
    };
  },
  "undici, 64 connections": async ({ url, clientPer }) => {
    const { Agent, request } = await load<Undici>("undici");
    const shared = new Agent({ connections: 64, allowH2: true });
    return () => {
      const dispatcher = clientPer === "call" ? new Agent({ allowH2: true }) : shared;
      return async (prompt) => {
        const { statusCode, body } = await request(`${url}/chat/completions`, {
          dispatcher,
          method: "POST",
          headers: { "content-type": "application/json", authorization: `Bearer ${apiKey}` },
          body: bodyOf(prompt),
        });
        const answer = (await body.json()) as Answer;
        if (statusCode !== 200) throw Object.assign(new Error("refused"), { code: `HTTP ${statusCode}` });
        if (dispatcher !== shared) await dispatcher.destroy();
        return answer.choices[0]!.message.content;
      };
    };
  },
  "node:https, no agent": async ({ url }) => {
    return () => (prompt) => post(`${url}/chat/completions`, bodyOf(prompt));
  },
};

interface Answer {
  readonly choices: readonly { readonly message: { readonly content: string } }[];
}
interface OpenAIClient {
  readonly chat: { readonly completions: { create(body: object, options?: object): Promise<Answer> } };
}
type OpenAIClass = new (options: object) => OpenAIClient;
type GenerateText = (options: object) => Promise<{ readonly text: string }>;
type MakeProvider = (options: object) => (model: string) => object;
type LangChain = new (options: object) => { invoke(prompt: string): Promise<{ readonly content: unknown }> };
type Ax = new (
  options: object,
) => {
  chat(request: object): Promise<{ readonly results: readonly { readonly content: string }[] }>;
};
interface Dispatcher {
  destroy(): Promise<void>;
}
interface Undici {
  readonly Agent: new (options: object) => Dispatcher;
  readonly fetch: (input: unknown, init: object) => Promise<unknown>;
  request(url: string, options: object): Promise<{ statusCode: number; body: { json(): Promise<unknown> } }>;
}

/** A peer, from the benchmark's own packages. */
function load<T>(name: string): Promise<T> {
  return import(name) as Promise<T>;
}

/** OpenAI's client, and those that came from the same generator. */
async function byOpenAI(name: string, { url, clientPer }: Job): Promise<() => Ask> {
  const { default: OpenAI } = await load<{ default: OpenAIClass }>(name);
  const transport = await transportOf(clientPer);
  return () => {
    const { options, end } = transport();
    const client = new OpenAI({ apiKey, baseURL: url, ...options });
    return async (prompt) => end(await chatOf(client, prompt));
  };
}

async function chatOf(client: OpenAIClient, prompt: string): Promise<string> {
  const answer = await client.chat.completions.create({
    model,
    messages: [{ role: "user", content: prompt }],
  });
  return answer.choices[0]!.message.content;
}

/** What a client is given so that its one call has a connection of its own; nothing where it ships as it is. */
async function transportOf(
  clientPer: Job["clientPer"],
): Promise<() => { options: object; end: (text: string) => string }> {
  if (clientPer === "agent") return () => ({ options: {}, end: (text) => text });
  const { Agent, fetch } = await load<Undici>("undici");
  return () => {
    const dispatcher = new Agent({ allowH2: false });
    return {
      options: { fetch: (input: unknown, init: object) => fetch(input, { ...init, dispatcher }) },
      end(text) {
        dispatcher.destroy();
        return text;
      },
    };
  };
}

const hostOf = (url: string): string => new URL(url).origin;

function bodyOf(prompt: string): string {
  return JSON.stringify({ model, messages: [{ role: "user", content: prompt }] });
}

function post(url: string, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", authorization: `Bearer ${apiKey}` };
    const sent = httpsRequest(url, { agent: false, method: "POST", headers }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("error", reject);
      response.on("end", () => resolve((JSON.parse(text) as Answer).choices[0]!.message.content));
    });
    sent.on("error", reject);
    sent.end(body);
  });
}
