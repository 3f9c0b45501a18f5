/** Tests that wait for something to become true. */
export class Waits {
  readonly #waiting = new Set<{ readonly check: () => boolean; readonly fail: (error: Error) => void }>();

  /** Looks again at everything that is waited for. */
  changed(): void {
    for (const entry of this.#waiting) if (entry.check()) this.#waiting.delete(entry);
  }

  /** Settles when `holds` does, at once if it does already; rejects when it throws. */
  until(holds: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const check = (): boolean => {
        try {
          if (!holds()) return false;
          resolve();
        } catch (error) {
          reject(error);
        }
        return true;
      };
      if (!check()) this.#waiting.add({ check, fail: reject });
    });
  }

  /** Rejects all that still wait. */
  end(message: string): void {
    for (const entry of this.#waiting) entry.fail(new Error(message));
    this.#waiting.clear();
  }
}
