import { parseArgs } from "node:util";
import { didYouMean, wrongOption } from "../core/check.ts";
import { TrunklineError } from "../core/errors.ts";

/** One option: a switch, a text, or a whole number of 1 or more. */
export interface Option {
  readonly type: "switch" | "text" | "count";
  /** What stands for the value in the help. */
  readonly value?: string;
  readonly help: string;
}

export type Options = Readonly<Record<string, Option>>;
export type Values = Readonly<Record<string, boolean | string | number | undefined>>;

/** What a file in `commands/` exports. */
export interface Command {
  readonly options: Options;
  /** Lines of help under the options. */
  readonly notes: readonly string[];
  readonly example: string;
  /** Returns the exit code. */
  run(values: Values): Promise<number>;
}

/** The values of the options in `args`; anything that is none is an error with the nearest known name. */
export function parseOptions(command: string, options: Options, args: readonly string[]): Values {
  const { tokens } = parseArgs({
    args: [...args],
    options: Object.fromEntries(
      Object.entries(options).map(([name, { type }]) => [
        name,
        { type: type === "switch" ? "boolean" : "string" },
      ]),
    ),
    strict: false,
    tokens: true,
  });
  const values: Record<string, boolean | string | number> = {};
  for (const token of tokens) {
    if (token.kind === "option-terminator") continue;
    if (token.kind === "positional") {
      throw new TrunklineError(
        "config",
        `${command} takes no argument, got "${token.value}"; options begin with --`,
      );
    }
    const option = Object.hasOwn(options, token.name) ? options[token.name] : undefined;
    if (option === undefined) {
      const known = Object.keys(options).map((name) => `--${name}`);
      throw new TrunklineError(
        "config",
        `unknown option ${token.rawName}; ${didYouMean(token.rawName, known)}`,
      );
    }
    values[token.name] = readValue(`--${token.name}`, option, token.value);
  }
  return values;
}

function readValue(name: string, { type }: Option, text: string | undefined): boolean | string | number {
  if (type === "switch") {
    if (text !== undefined) throw wrongOption(name, "no value", text);
    return true;
  }
  if (text === undefined || text === "") throw new TrunklineError("config", `${name} needs a value`);
  if (type === "text") return text;
  const count = Number(text);
  if (!Number.isSafeInteger(count) || count < 1) throw wrongOption(name, "a whole number of 1 or more", text);
  return count;
}

/** The options as lines of help. */
export function optionLines(options: Options): string[] {
  const left = Object.entries(options).map(([name, { value }]) => `  --${name}${value ? ` ${value}` : ""}`);
  const width = Math.max(...left.map((text) => text.length));
  return Object.values(options).map(({ help }, i) => `${left[i]!.padEnd(width)}  ${help}`);
}
