const punctuation = /[!"#$%&'()*+,\-./:;<=>?@[\\\]^_`{|}~]/g;
/** An accented letter is decomposed into the letter and its accent; both belong to the word. */
const article = /(?<![\p{L}\p{N}\p{M}_])(?:a|an|the)(?![\p{L}\p{N}\p{M}_])/gu;

/**
 * A text as DSPy compares it: decomposed (NFD), in lower case, without ASCII punctuation, without the words a, an and
 * the, and with single spaces. Unlike there, an accented letter that stands alone, as in `à la carte`, is no article.
 *
 * ```ts
 * normalizeText("The Eiffel  Tower!"); // "eiffel tower"
 * ```
 */
export function normalizeText(text: string): string {
  return text
    .normalize("NFD")
    .toLowerCase()
    .replace(punctuation, "")
    .replace(article, " ")
    .split(/\s+/)
    .filter((word) => word !== "")
    .join(" ");
}
