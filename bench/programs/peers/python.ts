import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { NoAnswer } from "../../lib/child.ts";

/** A script in Python that answers each line of JSON with another; the first line it says by itself. */
export class PythonChild implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #exited: Promise<void>;
  #said = "";

  constructor(python: string, script: URL, job: unknown, env: Readonly<Record<string, string>>) {
    this.#process = spawn(python, [fileURLToPath(script), JSON.stringify(job)], {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, ...env },
    });
    this.#process.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.#said = (this.#said + text).slice(-1_000);
    });
    this.#process.stdin!.on("error", () => {});
    this.#exited = new Promise((resolve) => {
      this.#process.once("exit", () => resolve());
      this.#process.once("error", (error) => {
        this.#said = error.message;
        resolve();
      });
    });
    this.#lines = createInterface({ input: this.#process.stdout! })[Symbol.asyncIterator]();
  }

  /** The next line; throws a NoAnswer when none comes within `limitMs`. */
  async hear<T>(limitMs: number): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new NoAnswer("hung", `no answer in ${limitMs} ms`)), limitMs);
    });
    try {
      const { value, done } = await Promise.race([this.#lines.next(), late]);
      if (done) {
        await this.#exited;
        throw new NoAnswer("crashed", this.#said.trim());
      }
      const answer = JSON.parse(value) as T & { readonly error?: string };
      if (answer.error !== undefined) throw new NoAnswer("crashed", answer.error);
      return answer;
    } finally {
      clearTimeout(timer);
    }
  }

  ask<T>(question: unknown, limitMs: number): Promise<T> {
    this.#process.stdin!.write(`${JSON.stringify(question)}\n`);
    return this.hear<T>(limitMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#exited;
  }
}
