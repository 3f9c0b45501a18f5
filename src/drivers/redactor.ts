/** Shorter values are words ("1", "beta") that an error may need, and no secrets. */
const shortestSecret = 8;
/** Keys of a Client that are remembered: a rotated one may still be in the answers to earlier calls. */
const mostKeys = 16;

type Headers = Readonly<Record<string, string>>;

/** Takes a Client's keys and header values out of texts of others, before they may become part of an error. */
export class Redactor {
  readonly #headers: readonly string[];
  readonly #keys = new Set<string>();

  constructor(headers: Headers) {
    this.#headers = Object.values(headers);
  }

  addKey(key: string): void {
    this.#keys.delete(key);
    if (this.#keys.size >= mostKeys) this.#keys.delete(this.#keys.values().next().value!);
    this.#keys.add(key);
  }

  /** `text` without secrets, those in the headers of the call among them. */
  mask(text: string, ofCall: Headers | undefined): string {
    let masked = text;
    for (const secret of [...this.#keys, ...this.#headers, ...Object.values(ofCall ?? {})]) {
      if (secret.length >= shortestSecret) masked = masked.replaceAll(secret, "****");
    }
    return masked;
  }
}
