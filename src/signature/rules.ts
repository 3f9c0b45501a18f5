import { checks, show } from "../core/check.ts";
import { TrunklineError } from "../core/errors.ts";
import type { Field, FieldType } from "./types.ts";

/** What every signature holds to, however it was made. */
export function checkParts(instructions: unknown, inputs: readonly Field[], outputs: readonly Field[]): void {
  if (checks.string(instructions) !== undefined) {
    throw new TrunklineError("signature", `instructions: expected a string, got ${show(instructions)}`);
  }
  if (outputs.length === 0) throw new TrunklineError("signature", "signature: expected at least one output");
  const names = new Set<string>();
  for (const { name } of [...inputs, ...outputs]) {
    if (names.has(name)) {
      throw new TrunklineError("signature", `signature: the name ${show(name)} is there twice`);
    }
    names.add(name);
  }
  for (const { name, type } of inputs) {
    if (type.kind !== "history" && holds(type, ["history"])) {
      throw new TrunklineError(
        "signature",
        `signature: ${show(name)}: "history" is a whole input, no part of one`,
      );
    }
  }
  for (const { name, type } of outputs) {
    if (!holds(type, ["image", "file", "history"])) continue;
    throw new TrunklineError(
      "signature",
      `signature: ${show(name)}: "image", "file" and "history" can only be inputs`,
    );
  }
}

/** Whether a type has one of these kinds in it. */
function holds(type: FieldType, kinds: readonly string[]): boolean {
  switch (type.kind) {
    case "array":
      return holds(type.items, kinds);
    case "map":
      return holds(type.values, kinds);
    case "union":
      return type.members.some((member) => holds(member, kinds));
    case "shape":
      return type.members.some((member) => holds(member.type, kinds));
    default:
      return kinds.includes(type.kind);
  }
}
