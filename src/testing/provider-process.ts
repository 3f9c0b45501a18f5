import { createInterface } from "node:readline";
import { type SimulatedProviderOptions, simulatedProvider } from "./simulated-provider.ts";

// The simulated provider in a process of its own. Options come as JSON in the first argument and `{ url, ca }`
// goes out as a line of JSON; each line that comes in is answered with the figures so far, as another. It ends
// with its standard input, and so never outlives whoever started it.
const options = JSON.parse(process.argv[2] ?? "{}") as Omit<SimulatedProviderOptions, "clock" | "answer">;
const provider = await simulatedProvider(options);
const say = (value: unknown): boolean => process.stdout.write(`${JSON.stringify(value)}\n`);
say({ url: provider.url, ca: provider.ca });
createInterface({ input: process.stdin })
  .on("line", () => say(provider.stats()))
  .on("close", () => process.exit(0));
