import { checks, show } from "../core/check.ts";
import { TrunklineError } from "../core/errors.ts";
import { markedInputs } from "./example.ts";

/** The row itself where it is one: an object, plain or an Example. */
export function checkedRow(row: unknown, index: number): object {
  if (checks.plainObject(row) === undefined) return row as object;
  throw new TrunklineError(
    "config",
    `dataset: row ${index}: expected an object or an Example, got ${show(row)}`,
  );
}

/** The fields of a row, as plain data. */
export function fieldsOf(row: object): Record<string, unknown> {
  return { ...row };
}

/** What a program is given of a row: the fields marked as inputs, else what its signature asks for, else all. */
export function inputsFor(program: unknown, row: object): Record<string, unknown> {
  const names = markedInputs(row) ?? signatureInputs(program);
  if (names === undefined) return fieldsOf(row);
  const fields = fieldsOf(row);
  return Object.fromEntries(Object.entries(fields).filter(([name]) => names.includes(name)));
}

/** The input fields of a program that is one question with a signature. */
function signatureInputs(program: unknown): readonly string[] | undefined {
  const { signature } = Object(program) as { readonly signature?: { readonly inputs?: unknown } };
  const inputs = signature?.inputs;
  return Array.isArray(inputs) ? inputs.map(({ name }: { name: string }) => name) : undefined;
}
