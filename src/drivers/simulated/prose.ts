const subjects = [
  "The report",
  "This approach",
  "A closer look",
  "The first result",
  "Each part",
  "The plan",
];
const verbs = ["shows", "suggests", "confirms", "explains", "supports", "describes"];
const objects = [
  "a clear pattern",
  "the same answer",
  "two small steps",
  "an open question",
  "steady progress",
];
const ends = ["in most cases", "for this input", "on closer reading", "as expected", "with little effort"];

/** Plain sentences of about `length` characters; the last one is always whole. */
export function prose(random: () => number, length: number): string {
  const pick = (words: readonly string[]): string => words[Math.floor(random() * words.length)]!;
  let text = "";
  do {
    text += `${text === "" ? "" : " "}${pick(subjects)} ${pick(verbs)} ${pick(objects)} ${pick(ends)}.`;
  } while (text.length < length);
  return text;
}

/** One word, as a value of a field would be. */
export function word(random: () => number): string {
  const words = [
    "amber",
    "birch",
    "cedar",
    "delta",
    "ember",
    "fjord",
    "grove",
    "harbor",
    "island",
    "juniper",
  ];
  return words[Math.floor(random() * words.length)]!;
}
