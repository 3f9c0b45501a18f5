import type { Delta } from "../core/call.ts";

interface Told {
  text: string;
  reasoning: string;
  readonly toolCalls: Map<number, { id?: string; name?: string; argumentsText: string }>;
}

/** What a stream has said so far, so that whoever joins it late misses nothing. As long as the answer, no longer. */
export class Transcript {
  readonly #choices = new Map<number, Told>();

  add({ text, reasoning, toolCall, choice = 0 }: Delta): void {
    const told = this.#of(choice);
    told.text += text;
    if (reasoning !== undefined) told.reasoning += reasoning;
    if (toolCall === undefined) return;
    const { index, id, name, argumentsText = "" } = toolCall;
    const known = told.toolCalls.get(index);
    told.toolCalls.set(index, {
      id: id ?? known?.id,
      name: name ?? known?.name,
      argumentsText: (known?.argumentsText ?? "") + argumentsText,
    });
  }

  #of(choice: number): Told {
    const known = this.#choices.get(choice);
    if (known !== undefined) return known;
    const told: Told = { text: "", reasoning: "", toolCalls: new Map() };
    this.#choices.set(choice, told);
    return told;
  }

  /** Tells all of it in as few deltas as there are kinds. */
  tell(onDelta: (delta: Delta) => void): void {
    for (const [index, { text, reasoning, toolCalls }] of this.#choices) {
      const choice = index === 0 ? undefined : { choice: index };
      if (reasoning !== "") onDelta({ text: "", reasoning, ...choice });
      if (text !== "") onDelta({ text, ...choice });
      for (const [at, toolCall] of toolCalls)
        onDelta({ text: "", toolCall: { index: at, ...toolCall }, ...choice });
    }
  }
}
