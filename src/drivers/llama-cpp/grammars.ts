import { TrunklineError } from "../../core/errors.ts";
import type { ResponseFormat } from "../../core/request.ts";
import type { Llama } from "./module.ts";

/** Grammars kept; a program has few schemas and asks with each of them many times. */
const mostKept = 64;

/** Deeper than any schema a model can follow. */
const maxDepth = 50;

/** Grammars of answer forms, each made once. */
export class Grammars {
  readonly #llama: Llama;
  readonly #made = new Map<string, Promise<object>>();

  constructor(llama: Llama) {
    this.#llama = llama;
  }

  /** The grammar that holds an answer to its form; undefined for plain text. */
  async of(format: ResponseFormat | undefined): Promise<object | undefined> {
    if (format === undefined || format.type === "text") return undefined;
    const key = format.type === "json" ? "json" : JSON.stringify(format.schema);
    let made = this.#made.get(key);
    if (made === undefined) {
      made = this.#make(format);
      if (this.#made.size >= mostKept) this.#made.delete(this.#made.keys().next().value!);
      this.#made.set(key, made);
    }
    return made;
  }

  async #make(format: Exclude<ResponseFormat, { type: "text" }>): Promise<object> {
    if (format.type === "json") return this.#llama.getGrammarFor("json");
    try {
      return await this.#llama.createGrammarForJsonSchema(grammarSchema(format.schema) as object);
    } catch (cause) {
      throw new TrunklineError("bad_request", "the responseFormat's schema cannot be made a grammar", {
        cause,
        sent: false,
      });
    }
  }
}

/** A schema in the words that the package has for it: one of several forms is `oneOf`, definitions are `$defs`. */
export function grammarSchema(schema: unknown, depth = 0): unknown {
  if (typeof schema !== "object" || schema === null || depth > maxDepth) return schema;
  if (Array.isArray(schema)) return schema.map((each) => grammarSchema(each, depth + 1));
  return Object.fromEntries(
    Object.entries(schema).map(([name, value]) => [
      names.get(name) ?? name,
      name === "$ref" && typeof value === "string"
        ? value.replace("#/definitions/", "#/$defs/")
        : grammarSchema(value, depth + 1),
    ]),
  );
}

const names: ReadonlyMap<string, string> = new Map([
  ["anyOf", "oneOf"],
  ["definitions", "$defs"],
]);
