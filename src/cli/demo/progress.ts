import type { Standing } from "./job.ts";
import { bar, count } from "./screen.ts";

/** Shows how a phase goes on: one line that is drawn over on a terminal, else a line a quarter. */
export class Progress {
  readonly #out: NodeJS.WriteStream;
  readonly #title: string;
  readonly #total: number;
  #quarters = 0;

  constructor(out: NodeJS.WriteStream, title: string, total: number) {
    this.#out = out;
    this.#title = title;
    this.#total = total;
  }

  show({ ended, failed, sockets }: Standing, descriptors: number | undefined): void {
    const share = ended / this.#total;
    const facts = [
      `${count(ended)} of ${count(this.#total)} calls`,
      `${count(sockets)} sockets`,
      ...(descriptors === undefined ? [] : [`${count(descriptors)} descriptors`]),
      ...(failed === 0 ? [] : [`${count(failed)} failed`]),
    ].join(", ");
    if (this.#out.isTTY) {
      const line = `${this.#title} ${bar(share, 20)} ${facts}`;
      this.#out.write(`\r\x1b[2K${line.slice(0, (this.#out.columns || 80) - 1)}`);
    } else if (Math.floor(share * 4) > this.#quarters) {
      this.#quarters = Math.floor(share * 4);
      this.#out.write(`${this.#title} ${facts}\n`);
    }
  }

  /** Clears the drawn line; plain lines stay. */
  done(): void {
    if (this.#out.isTTY) this.#out.write("\r\x1b[2K");
  }
}
