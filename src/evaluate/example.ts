import { show } from "../core/check.ts";
import { TrunklineError } from "../core/errors.ts";

const marked = Symbol.for("trunkline.example.inputs");

/** What an Example can do. A field of the same name hides it. */
interface ExampleMethods<T extends object, In, Rest> {
  /** The same example, with these fields marked as what a program is given; the others are its labels. */
  withInputs<N extends keyof T & string>(...names: readonly N[]): Example<T, Pick<T, N>, Omit<T, N>>;
  /** The marked fields. */
  inputs(): Readonly<In>;
  /** The fields that are not marked. */
  labels(): Readonly<Rest>;
  /** The example with fields added or changed; marks stay. */
  copy<C extends object>(changes: C): Example<Omit<T, keyof C> & C>;
  /** The example without some of its fields; marks stay. */
  without<N extends keyof T & string>(...names: readonly N[]): Example<Omit<T, N>>;
}

/** One row of data: its fields, frozen, and which of them a program is given. */
export type Example<
  T extends object = Record<string, unknown>,
  In = Partial<T>,
  Rest = Partial<T>,
> = Readonly<T> &
  (string extends keyof T ? ExampleMethods<T, In, Rest> : Omit<ExampleMethods<T, In, Rest>, keyof T>);

interface ExampleConstructor {
  new <T extends object>(fields: T): Example<T>;
}

class ExampleValue {
  declare readonly [marked]: readonly string[] | undefined;

  constructor(fields: object, inputs?: readonly string[]) {
    if (typeof fields !== "object" || fields === null || Array.isArray(fields)) {
      throw new TrunklineError("config", `Example: expected an object of fields, got ${show(fields)}`);
    }
    for (const [name, value] of Object.entries(fields)) {
      Object.defineProperty(this, name, { value, enumerable: true });
    }
    Object.defineProperty(this, marked, { value: inputs && Object.freeze([...inputs]) });
    Object.freeze(this);
  }

  withInputs(...names: readonly string[]): unknown {
    const wrong = names.find((name) => typeof name !== "string");
    if (wrong !== undefined) {
      throw new TrunklineError("config", `withInputs: expected names of fields, got ${show(wrong)}`);
    }
    return new ExampleValue(this, names);
  }

  inputs(): object {
    return pick(this, (name) => mustBeMarked(this).includes(name));
  }

  labels(): object {
    return pick(this, (name) => !mustBeMarked(this).includes(name));
  }

  copy(changes: object): unknown {
    return new ExampleValue({ ...this, ...changes }, this[marked]);
  }

  without(...names: readonly string[]): unknown {
    return new ExampleValue(
      pick(this, (name) => !names.includes(name)),
      this[marked],
    );
  }
}
Object.defineProperty(ExampleValue, "name", { value: "Example" });

function mustBeMarked(example: ExampleValue): readonly string[] {
  const names = example[marked];
  if (names !== undefined) return names;
  throw new TrunklineError(
    "config",
    "this Example does not say which of its fields are inputs; make it with .withInputs(...names)",
  );
}

function pick(owner: object, test: (name: string) => boolean): object {
  return Object.freeze(Object.fromEntries(Object.entries(owner).filter(([name]) => test(name))));
}

/**
 * One row of data. Its fields are its own members, and cannot be changed; `withInputs` says which of them a program is
 * given. A plain object serves as well wherever an Example does.
 *
 * ```ts
 * const example = new Example({ question: "What is 1 + 1?", answer: "2" }).withInputs("question");
 * console.log(example.answer, example.inputs(), example.labels());
 * ```
 */
export const Example = ExampleValue as unknown as ExampleConstructor;

/** The names that an Example of this or of another copy of the package marks as inputs. */
export function markedInputs(row: object): readonly string[] | undefined {
  return (row as { readonly [marked]?: readonly string[] })[marked];
}
