/** What a worker is to do. */
export interface Job {
  readonly contestant: string;
  /** The provider's base URL. */
  readonly url: string;
  readonly agents: number;
  readonly rounds: number;
  /** A new client for each agent, or for each call and then with a connection of its own. */
  readonly clientPer: "agent" | "call";
  /** Calls that have not ended by then are counted as unfinished. */
  readonly limitMs: number;
}

/** One agent or call: asks, and brings the answer's text. */
export type Ask = (prompt: string) => Promise<string>;

/** What a worker measured. */
export interface Outcome {
  readonly ms: number;
  readonly cpuUs: number;
  readonly memoryGrowth: number;
  readonly answered: number;
  readonly failed: number;
  readonly unfinished: number;
  /** Failures by their code. */
  readonly codes: Readonly<Record<string, number>>;
}

export function promptOf(agent: number, round: number): string {
  return `You are agent ${agent}. In round ${round} of this conversation, name one word that begins like "trunk".`;
}
