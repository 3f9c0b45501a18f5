/** How a phase reaches the model: with a client and a connection for each agent, or through trunkline. */
export type Way = "plain" | "trunkline";

/** What a phase is asked to do, in a process of its own. */
export interface Job {
  readonly way: Way;
  /** "provider/model". */
  readonly model: string;
  readonly agents: number;
  readonly rounds: number;
  /** Where the simulated provider is; absent for a real one. */
  readonly simulated?: { readonly url: string; readonly ca: string };
}

/** Where a phase stands. */
export interface Standing {
  /** Calls that ended, either way. */
  readonly ended: number;
  readonly failed: number;
  /** Connections open now. */
  readonly sockets: number;
}

/** What a phase measured. Sizes are bytes, times milliseconds. */
export interface Outcome {
  readonly ms: number;
  readonly answered: number;
  readonly failed: number;
  /** Failures by their reason. */
  readonly reasons: Readonly<Record<string, number>>;
  readonly socketsOpened: number;
  readonly socketsAtOnce: number;
  /** By how much the process grew from before its first agent to its peak. */
  readonly memoryGrowth: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** US dollars; absent where no price is known. */
  readonly usd?: number;
}

/** The lines that a phase prints, as JSON. */
export type Line = { readonly standing: Standing } | { readonly outcome: Outcome };

/** The limit of an answer; the prompts ask for less. */
export const maxTokens = 32;

export function promptOf(agent: number, round: number): string {
  return `You are agent ${agent}. In round ${round} of this conversation, name one word that begins like "trunk".`;
}
