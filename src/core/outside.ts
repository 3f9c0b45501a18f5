import { AsyncLocalStorage } from "node:async_hooks";

/**
 * Runs `fn(...args)` in no caller's async context. A pooled socket or a shared timer remembers the context it was made
 * in; without this, the call that happened to open a socket would lend its context to every later one.
 */
export const outside: <T, Args extends unknown[]>(fn: (...args: Args) => T, ...args: Args) => T =
  AsyncLocalStorage.snapshot();
