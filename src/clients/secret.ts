import { createHmac, randomBytes } from "node:crypto";

/** Shorter secrets show nothing: four letters of a short one give too much away. */
const shortestToShow = 16;

/** A secret for people: its last four characters, or nothing of a short one. */
export function mask(secret: string): string {
  return secret.length < shortestToShow ? "****" : `****${secret.slice(-4)}`;
}

/**
 * Turns what must not be written down into something that can be compared. Secrets become a keyed hash: the salt
 * lives and dies with the process, so that a key in a log or a dump proves nothing about the secret. Functions
 * and other things known only by reference become a number.
 */
export class Fingerprints {
  readonly #salt = randomBytes(32);
  readonly #tokens = new WeakMap<object, number>();
  #count = 0;

  hash(secret: string | Uint8Array): string {
    return createHmac("sha256", this.#salt).update(secret).digest("base64url");
  }

  token(thing: object): number {
    const known = this.#tokens.get(thing);
    if (known !== undefined) return known;
    this.#tokens.set(thing, ++this.#count);
    return this.#count;
  }
}
