import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A file with a certificate, for NODE_EXTRA_CA_CERTS: the one way that every client listens to. */
export class Trust implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "trunkline-bench-"));
  readonly env: Readonly<Record<string, string>>;

  constructor(ca: string) {
    const file = join(this.#folder, "ca.pem");
    writeFileSync(file, ca);
    this.env = { NODE_EXTRA_CA_CERTS: file };
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
