import { type Check, checkOptions, checks, wrongOption } from "../core/check.ts";
import type { Clock } from "../core/clock.ts";
import { type Progress, processClock } from "../program/rows.ts";

/** Where a bar is drawn: `process.stderr`, or anything that can be written to. */
export interface BarStream {
  write(text: string): unknown;
  /** A terminal has one line that is drawn again and again; anything else gets a line now and then. */
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface BarOptions {
  /** What stands before the bar. */
  readonly label?: string;
}

const optionChecks: Readonly<Record<string, Check>> = { label: checks.string };

/** How often a terminal's line is drawn again, and how often a line is written elsewhere, in milliseconds. */
const redrawEvery = 100;
const lineEvery = 10_000;
/** The rate is that of the last so many milliseconds. */
const rateOver = 30_000;
const sampleEvery = 1000;

/**
 * A progress bar for `batch`, `each` and `evaluate`: rows done of all, failed ones, rows a second, time left.
 *
 * ```ts
 * const program = new Predict("sentence -> emotion: 'joy' | 'anger' | 'fear'");
 * const inputs = [{ sentence: "Hurray!" }, { sentence: "Oh no." }];
 * await program.batch(inputs, { lm, onProgress: progressBar(process.stderr, { label: "emotions" }) });
 * ```
 */
export function progressBar(stream: BarStream, options: BarOptions = {}): (progress: Progress) => void {
  return barBy(processClock(), stream, options);
}

/** `progressBar`, by the time of a clock. */
export function barBy(
  clock: Clock,
  stream: BarStream,
  options: BarOptions = {},
): (progress: Progress) => void {
  if (typeof stream?.write !== "function") {
    throw wrongOption("progressBar", "a stream to write to, such as process.stderr", stream);
  }
  checkOptions("progressBar", options, optionChecks);
  const bar = new Bar(clock, stream, options.label ?? "");
  return (progress) => bar.hear(progress);
}

class Bar {
  readonly #clock: Clock;
  readonly #stream: BarStream;
  readonly #label: string;
  readonly #every: number;
  #drawnAt: number;
  #samples: { readonly at: number; readonly done: number }[] = [];

  constructor(clock: Clock, stream: BarStream, label: string) {
    this.#clock = clock;
    this.#stream = stream;
    this.#label = label === "" ? "" : `${label} `;
    this.#every = stream.isTTY ? redrawEvery : lineEvery;
    this.#drawnAt = Number.NEGATIVE_INFINITY;
  }

  hear(progress: Progress): void {
    const now = this.#clock.now();
    // What was kept by an earlier run arrives in one moment and says nothing of the rate.
    this.#sample(now, progress.done);
    if (!progress.ended && now - this.#drawnAt < this.#every) return;
    this.#drawnAt = now;
    this.#draw(progress, now);
    if (!progress.ended) return;
    // The same function may serve the next run.
    this.#samples = [];
    this.#drawnAt = Number.NEGATIVE_INFINITY;
  }

  #draw(progress: Progress, now: number): void {
    const text = this.#text(progress, this.#rate(now, progress.done));
    if (!this.#stream.isTTY) {
      this.#stream.write(`${text}\n`);
      return;
    }
    // Some terminals say 0 where they do not know.
    const width = (this.#stream.columns || 80) - 1;
    this.#stream.write(`\r\u001b[2K${text.slice(0, width)}${progress.ended ? "\n" : ""}`);
  }

  #text({ done, failed, total, ended }: Progress, rate: number | undefined): string {
    const left = total === undefined ? undefined : total - done;
    return [
      this.#label + drawn(done, total),
      ...(failed > 0 ? [`${failed} failed`] : []),
      ...(rate === undefined ? [] : [`${rate >= 10 ? Math.round(rate) : rate.toFixed(1)}/s`]),
      ...(rate && left && !ended ? [`${duration(left / rate)} left`] : []),
      ...(ended && left ? ["stopped"] : []),
    ].join(", ");
  }

  #sample(at: number, done: number): void {
    const last = this.#samples.at(-1);
    if (last !== undefined && at - last.at < sampleEvery) return;
    this.#samples.push({ at, done });
    while (this.#samples.length > 2 && at - this.#samples[1]!.at >= rateOver) this.#samples.shift();
  }

  #rate(now: number, done: number): number | undefined {
    const first = this.#samples[0];
    return first === undefined || now <= first.at
      ? undefined
      : ((done - first.done) * 1000) / (now - first.at);
  }
}

const barWidth = 20;

function drawn(done: number, total: number | undefined): string {
  if (total === undefined) return `${done}`;
  const full = total === 0 ? barWidth : Math.floor((barWidth * done) / total);
  return `[${"=".repeat(full)}${" ".repeat(barWidth - full)}] ${done}/${total}`;
}

/** Seconds as people say them. */
function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}
