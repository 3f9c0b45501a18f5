/**
 * How many repeated attempts the good answers of a provider have earned. While it works, nearly every failure may
 * be tried again; when it dies, the budget runs dry and each call fails after its first attempt, so that a
 * provider in trouble sees the load of its callers once and not four times.
 */
export class RetryBudget {
  readonly #earnedBySuccess: number;
  readonly #largest: number;
  #left: number;

  /** `largest` retries at the start and at most; each success earns `perSuccess` of one. */
  constructor({ largest = 100, perSuccess = 0.2 }: { largest?: number; perSuccess?: number } = {}) {
    this.#earnedBySuccess = perSuccess;
    this.#largest = largest;
    this.#left = largest;
  }

  /** Retries that may still be spent. */
  get left(): number {
    return this.#left;
  }

  succeeded(): void {
    this.#left = Math.min(this.#largest, this.#left + this.#earnedBySuccess);
  }

  /** Takes one retry, or says that there is none. */
  spend(): boolean {
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}
