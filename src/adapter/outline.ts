import type { Signature } from "../signature/signature.ts";
import { type Names, namesOf } from "./names.ts";
import { type View, viewOf } from "./view.ts";

/** One output, as reading needs it. */
export interface Output {
  readonly name: string;
  readonly view: View;
  readonly optional: boolean;
  /** Neither optional nor nullable: an answer without it is no whole one. */
  readonly required: boolean;
}

/** What an answer can hold, worked out once for a signature. */
export class Outline {
  readonly signature: Signature<unknown, unknown>;
  readonly outputs: readonly Output[];
  readonly names: Names;
  readonly inputs: Names;
  /** What the marker behind the last output is called: another word where a field has this one. */
  readonly endName: string;
  /** All outputs as one object. */
  readonly view: View;

  constructor(signature: Signature<unknown, unknown>) {
    this.signature = signature;
    this.outputs = signature.outputs.map(({ name, type, optional, nullable }) => ({
      name,
      view: viewOf(type),
      optional,
      required: !optional && !nullable,
    }));
    this.names = namesOf(signature.outputs);
    this.inputs = namesOf(signature.inputs);
    const isTaken = [this.names, this.inputs].some((names) => names.find("completed") !== undefined);
    this.endName = isTaken ? "end_of_answer" : "completed";
    this.view = {
      kind: "shape",
      members: signature.outputs.map(({ name, optional }, i) => ({
        name,
        optional,
        view: this.outputs[i]!.view,
      })),
    };
  }

  /** The only output there is. */
  get only(): Output | undefined {
    return this.outputs.length === 1 ? this.outputs[0] : undefined;
  }
}
