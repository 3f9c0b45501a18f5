import type { Completion, Usage } from "../core/completion.ts";
import type { AnswerFormat } from "./answer.ts";
import { type AnswerFacts, brokenAnswer } from "./answer-facts.ts";
import { objectIn, without } from "./json-answer.ts";
import { textIn } from "./json-value.ts";

/** Where one provider's answer holds its vectors. */
export interface VectorShape {
  /** The vectors in the order of the texts, or undefined where there is no list. */
  vectors(answer: Record<string, unknown>): readonly unknown[] | undefined;
  usage(answer: Record<string, unknown>): Usage;
}

/** The answers to embed requests: JSON alone, never a stream. */
export function vectorFormat(shape: VectorShape): AnswerFormat {
  return {
    decode: (body, facts) => decodeVectors(body, facts, shape),
    stream: (facts) => {
      throw brokenAnswer("bad_response", "a stream came where vectors were expected", facts);
    },
  };
}

function decodeVectors(body: string, facts: AnswerFacts, shape: VectorShape): Completion {
  const answer = objectIn(body, facts);
  const list = answer.error ? undefined : shape.vectors(answer);
  if (list === undefined || list.length === 0) throw without("vectors", answer, facts);
  const vectors = list.map((each, i) => numbersIn(each, i, facts));
  return {
    text: "",
    choices: [],
    usage: shape.usage(answer),
    model: textIn(answer.model) ?? facts.model,
    cacheHit: false,
    vectors,
  };
}

/** A vector as numbers; some servers send the bytes of 32-bit floats in base64. */
function numbersIn(value: unknown, index: number, facts: AnswerFacts): readonly number[] {
  const numbers = typeof value === "string" ? floatsIn(value) : value;
  if (Array.isArray(numbers) && numbers.length > 0 && numbers.every(Number.isFinite)) return numbers;
  throw brokenAnswer("bad_response", `vector ${index} of the answer is no list of numbers`, facts);
}

function floatsIn(base64: string): number[] {
  const bytes = Buffer.from(base64, "base64");
  return Array.from({ length: Math.floor(bytes.length / 4) }, (_, i) => bytes.readFloatLE(4 * i));
}
