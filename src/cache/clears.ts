/** Scopes whose last clear is known one by one. */
const most = 1_000;

/** Which scopes were cleared since when, counted in clears. */
export class Clears {
  count = 0;
  readonly #ofScopes = new Map<string, number>();
  #ofAll = 0;

  /** One more, of one scope or of everything. */
  add(scope: string | undefined): void {
    this.count++;
    // Beyond the bound all are taken for cleared: that costs what is in flight its place in the cache, and no more.
    if (scope === undefined || this.#ofScopes.size >= most) {
      this.#ofAll = this.count;
      this.#ofScopes.clear();
    } else this.#ofScopes.set(scope, this.count);
  }

  /** Whether what began after `count` clears was cleared since. */
  reached(scope: string, count: number): boolean {
    return Math.max(this.#ofAll, this.#ofScopes.get(scope) ?? 0) > count;
  }
}
