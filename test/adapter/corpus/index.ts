import { readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";

/** One answer of a weak model, and what a careful reader takes from it. */
export interface WeakAnswer {
  readonly id: string;
  /** The file it is from. */
  readonly kind: string;
  readonly adapter: "chat" | "json" | "xml";
  readonly signature: string;
  readonly answer: string;
  /** All outputs; or the fields that are wrong or missing, none of them where nothing can be read. */
  readonly expect:
    | { readonly values: Readonly<Record<string, unknown>> }
    | { readonly error: readonly string[] };
  readonly why: string;
  /** The public report of such an answer. */
  readonly link?: string;
}

/** In the files an answer of several lines is a list, for the eye. */
type Stored = Omit<WeakAnswer, "kind" | "answer"> & { readonly answer: string | readonly string[] };

const folder = new URL("./", import.meta.url);

/** Every case of every file. */
export const weakAnswers: readonly WeakAnswer[] = readdirSync(folder)
  .filter((name) => name.endsWith(".json"))
  .toSorted()
  .flatMap((name) => {
    const cases: readonly Stored[] = JSON.parse(readFileSync(new URL(name, folder), "utf8"));
    const kind = basename(name, ".json");
    return cases.map(({ answer, ...rest }) => ({
      ...rest,
      kind,
      answer: typeof answer === "string" ? answer : answer.join("\n"),
    }));
  });
