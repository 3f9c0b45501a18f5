import type { CallEvent } from "trunkline";
import { type Bench, type BenchResult, target } from "../lib/bench.ts";
import { trunkline } from "../lib/built.ts";
import { count, fixed, percent } from "../lib/table.ts";

/**
 * What an optimizer asks: round after round the same rows, mostly by candidates that were tried before. Of the
 * questions a given share was asked already, the later ones more often, so that some are still in flight.
 */
const repeats = 0.7;
const concurrency = 64;

interface Outcome {
  readonly seconds: number;
  readonly calls: number;
  readonly hits: number;
  readonly joins: number;
  readonly tokens: number;
}

export const bench: Bench = {
  title: "Duplicates: an optimizer's calls, 70 % of them repeats, on the simulated provider",
  async run({ quick, say }): Promise<BenchResult> {
    const questions = stream(quick ? 600 : 3_000);
    const distinct = new Set(questions).size;
    const outcomes: Record<string, Outcome> = {};
    for (const [name, cached] of [
      ["without the cache", false],
      ["with the cache", true],
    ] as const) {
      say(name);
      outcomes[name] = await ask(questions, cached);
    }
    const [without, withCache] = [outcomes["without the cache"]!, outcomes["with the cache"]!];
    return {
      tables: [
        {
          title: `${count(questions.length)} questions, ${count(distinct)} of them different, ${concurrency} at once`,
          head: ["", "calls made", "hits", "joined", "tokens", "seconds", "time"],
          rows: Object.entries(outcomes).map(([name, { calls, hits, joins, tokens, seconds }]) => [
            name,
            count(calls),
            count(hits),
            count(joins),
            count(tokens),
            fixed(seconds, 2),
            percent(seconds / without.seconds),
          ]),
          notes: [`${percent(1 - distinct / questions.length)} of the questions are repeats`],
        },
      ],
      targets: [
        target("calls made with the cache beyond one a different question", withCache.calls - distinct, {
          most: 0,
        }),
      ],
      data: { questions: questions.length, distinct, outcomes },
    };
  },
};

async function ask(questions: readonly string[], cached: boolean): Promise<Outcome> {
  const { LM, cache, events } = await trunkline();
  cache.configure({ tiers: ["memory"] });
  await cache.clear();
  const before = cache.stats();
  const lm = new LM("simulated/small", { cache: cached });
  let calls = 0;
  let tokens = 0;
  const stop = events.subscribe((event: CallEvent) => {
    calls += event.attempts;
    if (event.attempts > 0) tokens += event.usage?.totalTokens ?? 0;
  });
  const started = performance.now();
  const rows = await lm.batch(questions, { concurrency });
  const seconds = (performance.now() - started) / 1_000;
  stop();
  const failed = rows.find(({ error }) => error !== undefined);
  if (failed !== undefined) throw failed.error;
  const { hits, joins } = cache.stats();
  return { seconds, calls, tokens, hits: hits - before.hits, joins: joins - before.joins };
}

/** The same questions whenever it is asked. */
function stream(length: number): string[] {
  let state = 1;
  const random = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  const questions: string[] = [];
  for (let i = 0; i < length; i++) {
    // The nearer a question, the likelier it comes again: the square draws toward the end.
    const back = Math.floor(random() ** 2 * i);
    questions.push(
      i > 0 && random() < repeats
        ? questions[i - 1 - back]!
        : `Question ${i}: ${"Consider it well. ".repeat(10)}`,
    );
  }
  return questions;
}
