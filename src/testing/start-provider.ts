import { fork } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { SimulatedProviderOptions, SimulatedProviderStats } from "./simulated-provider.ts";

/** A simulated provider in a process of its own. */
export interface ProviderProcess extends AsyncDisposable {
  /** The base URL that clients want. */
  readonly url: string;
  /** The certificate to trust; undefined without TLS. */
  readonly ca: string | undefined;
  readonly pid: number;
  stats(): Promise<SimulatedProviderStats>;
  /** Settles when the process has ended. */
  close(): Promise<void>;
}

/**
 * Starts a `simulatedProvider` in a process of its own, so that its work and its sockets are not counted as this
 * one's. It ends when it is closed, and in any case with this process.
 *
 * ```ts
 * import { startProvider } from "trunkline/testing";
 *
 * await using provider = await startProvider({ latencyMs: 50 });
 * console.log(provider.url, (await provider.stats()).sockets.peak);
 * ```
 */
export async function startProvider(
  options: Omit<SimulatedProviderOptions, "clock" | "answer"> = {},
): Promise<ProviderProcess> {
  const suffix = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const entry = fileURLToPath(new URL(`./provider-process.${suffix}`, import.meta.url));
  const child = fork(entry, [JSON.stringify(options)], {
    stdio: ["pipe", "pipe", "inherit", "ipc"],
    execArgv: [],
  });
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null)
    throw new Error("startProvider: the process has no standard streams");
  stdin.on("error", () => {});
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const lines = createInterface({ input: stdout });
  const answers: ((line: string) => void)[] = [];
  lines.on("line", (line) => answers.shift()?.(line));
  const nextLine = (): Promise<unknown> =>
    Promise.race([
      new Promise<unknown>((resolve) => answers.push((line) => resolve(JSON.parse(line)))),
      exited.then(() => {
        throw new Error("startProvider: the provider's process has ended");
      }),
    ]);
  await Promise.race([once(child, "spawn"), once(child, "error").then(([error]) => Promise.reject(error))]);
  const { url, ca } = (await nextLine()) as { url: string; ca?: string };
  // It must not hold this process: whoever waits for something holds it.
  child.unref();
  child.channel?.unref();
  const close = (): Promise<void> => {
    stdin.end();
    child.ref();
    return exited;
  };
  return {
    url,
    ca,
    pid: child.pid ?? 0,
    stats() {
      const line = nextLine() as Promise<SimulatedProviderStats>;
      stdin.write("stats\n");
      return line;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
