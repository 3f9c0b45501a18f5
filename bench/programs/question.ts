/** The program that all sides run: two inputs, two outputs, four demos. */

export const signatureText = "question, passage -> answer, certainty: float";

/** The same as @ax-llm/ax spells it. */
export const axSignatureText = "question:string, passage:string -> answer:string, certainty:number";

export type Inputs = {
  readonly question: string;
  readonly passage: string;
};

export type Outputs = {
  readonly answer: string;
  readonly certainty: number;
};

const passages = [
  "Lima is the capital and the largest city of Peru. It lies in the valleys of three rivers, on the Pacific coast.",
  "The Nile flows north through eleven countries and ends in a delta on the Mediterranean Sea.",
  "Basalt is a dark volcanic rock that forms where lava low in silica cools quickly at the surface.",
  "The swift sleeps, eats and mates in the air, and may not land for ten months of the year.",
];

/** Inputs that no other index has. */
export function inputsOf(index: number): Inputs {
  return {
    question: `What does note ${index} say of its subject?`,
    passage: passages[index % passages.length]!,
  };
}

const outputsOf = (index: number): Outputs => ({
  answer: `Note ${index} says what its subject is, and where it is found.`,
  certainty: 0.75,
});

/** Whole examples, as many as asked for. */
export function demosOf(count: number): (Inputs & Outputs)[] {
  return Array.from({ length: count }, (_, i) => ({ ...inputsOf(1_000_000 + i), ...outputsOf(i) }));
}

export const demoCount = 4;

/** What the model answers, whatever it is asked. */
export const outputs: Outputs = outputsOf(0);

/** That answer in the form of each adapter. */
export const answers = {
  chat: `[[ ## answer ## ]]\n${outputs.answer}\n\n[[ ## certainty ## ]]\n${outputs.certainty}\n\n[[ ## completed ## ]]`,
  json: JSON.stringify(outputs),
  xml: `<answer>\n${outputs.answer}\n</answer>\n\n<certainty>\n${outputs.certainty}\n</certainty>`,
  ax: `Answer: ${outputs.answer}\nCertainty: ${outputs.certainty}`,
} as const;

/** One message about as long as what each side's program asks, for its LM alone. */
export function messageOf(index: number): string {
  const whole = JSON.stringify(demosOf(demoCount), undefined, 2);
  return `${whole}\n${whole}\n${inputsOf(index).question}`;
}
