import { kind } from "../core/check.ts";
import { type AnswerFacts, brokenAnswer } from "./answer-facts.ts";
import { errorOf, whatCame } from "./http-error.ts";
import { isObject, parseJson } from "./json-value.ts";

/** The object that a whole body of JSON is; what came in its place is an error that says so. */
export function objectIn(body: string, facts: AnswerFacts): Record<string, unknown> {
  const answer = parseJson(body);
  if (isObject(answer)) return answer;
  // Google's compatible endpoint wraps its error in a list.
  if (Array.isArray(answer) && isObject(answer[0])) throw errorOf(answer, facts);
  const start = body.trim();
  if (answer === undefined && start.startsWith("{") && !start.endsWith("}")) {
    throw brokenAnswer("incomplete", `the answer was cut after ${body.length} characters`, facts);
  }
  const came = answer === undefined ? whatCame(body) : ` with ${kind(answer)}`;
  throw brokenAnswer("bad_response", `expected a JSON object, answered${came}`, facts);
}

/** Members by which an answer shows that it is an error in one of the flat forms. */
const errorMembers = ["error", "detail", "message"] as const;

/** The error of an answer that lacks what it is for. */
export function without(what: string, answer: Record<string, unknown>, facts: AnswerFacts): Error {
  return errorMembers.some((name) => answer[name])
    ? errorOf(answer, facts)
    : brokenAnswer("bad_response", `the answer has no ${what}`, facts);
}
