import type { Invariant } from "./invariant.ts";
import { sharesPrefix } from "./reading.ts";
import type { Attempt, CallSight, ClientSight, LaneSight } from "./sight.ts";

/** What one key has had since another began to wait: for the bound, its own at most and the other's at least. */
class Account {
  least = 0;
  most = 0;
}

/** The waiting keys of one lane and client, and what each key has been given. */
class Ledger {
  readonly given = new Map<string, Account>();
  /** For each key that waits without a break: what every key had been given when it began. */
  readonly since = new Map<string, Map<string, Account>>();

  account(key: string): Account {
    let account = this.given.get(key);
    if (account === undefined) {
      account = new Account();
      this.given.set(key, account);
    }
    return account;
  }
}

const ledgers = new WeakMap<LaneSight, Map<ClientSight, Ledger>>();

function ledgerOf(lane: LaneSight, client: ClientSight): Ledger {
  let byClient = ledgers.get(lane);
  if (byClient === undefined) {
    byClient = new Map();
    ledgers.set(lane, byClient);
  }
  let ledger = byClient.get(client);
  if (ledger === undefined) {
    ledger = new Ledger();
    byClient.set(client, ledger);
  }
  return ledger;
}

/** The bounds of what admission may estimate a call at; the mean answer of the lane, which it learns, lies between. */
function costOf({ plan }: CallSight): { readonly least: number; readonly most: number } {
  const prefix = plan.prefix === undefined ? 0 : 8_000;
  return {
    least: plan.promptTokens * 0.8,
    most: 50 + plan.promptTokens * 1.2 + prefix + (plan.maxTokens ?? 2_000),
  };
}

/** Calls of a shared prefix wait for their leader, which is no matter of fairness. */
function ready(attempt: Attempt): boolean {
  return !sharesPrefix(attempt);
}

export const fairness: Invariant = {
  name: "fair-between-keys",
  says: "While a key waits, no other key of its lane and Client is given more than a few calls' cost beyond its own.",
  onDispatch: (attempt) => {
    const { call, lane } = attempt;
    const ledger = ledgerOf(lane, attempt.client);
    const { least, most } = costOf(call);
    const own = call.plan.fairnessKey;
    for (const [key, had] of ledger.since) {
      if (key === own) continue;
      const lead = ledger.account(own).least - (had.get(own)?.least ?? 0);
      const mine = ledger.account(key).most - (had.get(key)?.most ?? 0);
      if (lead - mine > bound) {
        return `${own} had ${Math.round(lead)} tokens while ${key} waited and had ${Math.round(mine)}`;
      }
    }
    const account = ledger.account(own);
    account.least += least;
    account.most += most;
    // What a key is given through another Client of the lane is its share as well.
    for (const other of ledgers.get(lane)!.values()) if (other !== ledger) other.account(own).most += most;
  },
  always: ({ lanes, touched }) => {
    if (touched.size === 0) return undefined;
    for (const lane of lanes) {
      const waiting = new Map<ClientSight, Set<string>>();
      for (const attempt of lane.waiting) {
        if (!ready(attempt)) continue;
        const { client } = attempt;
        const keys = waiting.get(client) ?? new Set();
        waiting.set(client, keys.add(attempt.call.plan.fairnessKey));
      }
      for (const client of new Set([...waiting.keys(), ...(ledgers.get(lane)?.keys() ?? [])])) {
        const ledger = ledgerOf(lane, client);
        const keys = waiting.get(client);
        for (const key of ledger.since.keys()) if (!keys?.has(key)) ledger.since.delete(key);
        for (const key of keys ?? []) if (!ledger.since.has(key)) ledger.since.set(key, copyOf(ledger.given));
      }
    }
    return undefined;
  },
};

/** Start-time fair queueing keeps two waiting keys within one largest call of each; a third is for estimates. */
const bound = 3 * 16_000;

function copyOf(given: ReadonlyMap<string, Account>): Map<string, Account> {
  return new Map([...given].map(([key, { least, most }]) => [key, { least, most }]));
}
