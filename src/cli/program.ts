import { readFileSync } from "node:fs";
import { didYouMean } from "../core/check.ts";
import { isTrunklineError, TrunklineError } from "../core/errors.ts";
import { type Command, optionLines, parseOptions } from "./options.ts";

/** Every command is one file in `commands/`, loaded when it is asked for. */
const commands: Readonly<Record<string, { summary: string; load: () => Promise<Command> }>> = {
  demo: {
    summary: "2,000 agents against a simulated provider, with a connection each and then through trunkline",
    load: async () => (await import("./commands/demo.ts")).demo,
  },
};

/** Runs the command that `args` name and returns the exit code: 0 done, 1 failed, 2 asked for wrongly. */
export async function runProgram(args: readonly string[]): Promise<number> {
  try {
    return await dispatch(args);
  } catch (error) {
    if (!isTrunklineError(error)) throw error;
    console.error(`trunkline: ${error.message}`);
    return error.code === "config" ? 2 : 1;
  }
}

async function dispatch([name, ...rest]: readonly string[]): Promise<number> {
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    console.log(programHelp());
    return 0;
  }
  if (name === "--version" || name === "-v") {
    console.log(version());
    return 0;
  }
  const known = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (known === undefined) {
    const kind = name.startsWith("-") ? "option" : "command";
    throw new TrunklineError(
      "config",
      `unknown ${kind} "${name}"; ${didYouMean(name, Object.keys(commands))}`,
    );
  }
  const command = await known.load();
  if (rest.includes("--help") || rest.includes("-h")) {
    console.log(commandHelp(name, known.summary, command));
    return 0;
  }
  return command.run(parseOptions(name, command.options, rest));
}

function programHelp(): string {
  const names = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(10)} ${summary}`);
  return [
    "trunkline: any number of language-model agents on a few pooled connections",
    "",
    "usage: trunkline <command> [options]",
    "",
    ...names,
    "",
    "trunkline <command> --help shows its options and an example.",
  ].join("\n");
}

function commandHelp(name: string, summary: string, command: Command): string {
  return [
    `usage: trunkline ${name} [options]`,
    "",
    summary,
    "",
    ...optionLines(command.options),
    "",
    ...command.notes,
    "",
    "example:",
    `  ${command.example}`,
  ].join("\n");
}

function version(): string {
  return JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")).version;
}
