import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

export interface ChildOptions {
  /** What the worker is told in its first argument, as JSON. */
  readonly job?: unknown;
  readonly env?: Readonly<Record<string, string>>;
  readonly execArgv?: readonly string[];
  /** The hard limit of open files and sockets. */
  readonly descriptors?: number;
}

/** Why a child gave no answer. */
export class NoAnswer extends Error {
  readonly kind: "hung" | "crashed";

  constructor(kind: "hung" | "crashed", said: string) {
    super(`${kind}${said === "" ? "" : `: ${said}`}`);
    this.kind = kind;
  }
}

/** How often the descriptors of a child are counted, in milliseconds. */
const lookEvery = 25;

/**
 * A worker in a process of its own, asked one thing at a time. Its descriptors are counted from outside, since a
 * process that has none left could not count them. It is killed when it does not answer in time, and ends with
 * this process in any case.
 */
export class Child implements AsyncDisposable {
  /** The most files and sockets it had open; NaN where the system does not tell. */
  descriptorsAtOnce = Number.NaN;
  readonly #process: ChildProcess;
  readonly #exited: Promise<void>;
  readonly #looking: NodeJS.Timeout;
  #said = "";

  constructor(entry: URL, { job, env, execArgv = [], descriptors }: ChildOptions = {}) {
    const node = [process.execPath, ...execArgv, fileURLToPath(entry), JSON.stringify(job ?? null)];
    const limit = `ulimit -n ${descriptors} && ulimit -Hn ${descriptors} && exec "$@"`;
    const [command, ...args] = descriptors === undefined ? node : ["sh", "-c", limit, "sh", ...node];
    this.#process = spawn(command!, args, {
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      env: { ...process.env, NODE_NO_WARNINGS: "1", ...env },
      serialization: "json",
    });
    this.#process.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.#said = (this.#said + text).slice(-1_000);
    });
    this.#exited = new Promise((resolve) => {
      this.#process.once("exit", () => resolve());
      this.#process.once("error", () => resolve());
    });
    this.#looking = setInterval(() => this.#look(), lookEvery);
  }

  /** The worker's answer; throws a NoAnswer when none comes within `limitMs`. */
  async ask<T>(question: unknown, limitMs: number): Promise<T> {
    const child = this.#process;
    let timer: NodeJS.Timeout | undefined;
    let heard: ((answer: { value?: T; error?: string }) => void) | undefined;
    const answered = new Promise<{ value?: T; error?: string }>((resolve) => {
      heard = resolve;
      child.once("message", heard as (message: unknown) => void);
    });
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new NoAnswer("hung", `no answer in ${limitMs} ms`)), limitMs);
    });
    const gone = this.#exited.then(() => {
      throw new NoAnswer("crashed", this.#said.trim());
    });
    try {
      if (child.connected) child.send(question as object, () => {});
      const { value, error } = await Promise.race([answered, late, gone]);
      if (error !== undefined) throw new NoAnswer("crashed", error);
      return value as T;
    } finally {
      clearTimeout(timer);
      child.off("message", heard as (message: unknown) => void);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#looking);
    this.#process.kill("SIGKILL");
    await this.#exited;
  }

  #look(): void {
    try {
      const open = readdirSync(`/proc/${this.#process.pid}/fd`).length;
      if (!(open <= this.descriptorsAtOnce)) this.descriptorsAtOnce = open;
    } catch {
      // Not there yet, not any more, or not this system.
    }
  }
}
