import { TrunklineError } from "../../core/errors.ts";

/** The error of a state that cannot be written, read, or laid onto a program. */
export function wrongState(message: string, cause?: unknown): TrunklineError {
  return new TrunklineError("state", message, cause === undefined ? {} : { cause });
}

/** A name from a file, on one line and never long. */
export function quoted(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}...` : name);
}

const mostNamed = 20;

/** Where a state and a program differ: all of it is looked at before anything is said or done. */
export class Differences {
  readonly #lines: string[] = [];

  add(line: string): void {
    this.#lines.push(line);
  }

  /** Throws what was found; `title` says between whom. */
  settle(title: string): void {
    if (this.#lines.length === 0) return;
    const more = this.#lines.length - mostNamed;
    const lines = [...this.#lines.slice(0, mostNamed), ...(more > 0 ? [`and ${more} more`] : [])];
    throw wrongState(`${title}; nothing was changed\n${lines.map((line) => `  - ${line}`).join("\n")}`);
  }
}
