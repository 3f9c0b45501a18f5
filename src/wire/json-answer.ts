import { type AnswerFacts, brokenAnswer } from "./answer-facts.ts";
import { errorOf, whatCame } from "./http-error.ts";
import { isObject, parseJson } from "./json-value.ts";

/** The object that a whole body of JSON is; what came in its place is an error that says so. */
export function objectIn(body: string, facts: AnswerFacts): Record<string, unknown> {
  const answer = parseJson(body);
  if (isObject(answer)) return answer;
  // The only list that servers send is an error in brackets.
  if (Array.isArray(answer)) throw errorOf(answer, facts);
  const start = body.trim();
  if (answer === undefined && start.startsWith("{") && !start.endsWith("}")) {
    throw brokenAnswer("incomplete", `the answer was cut after ${body.length} characters`, facts);
  }
  throw brokenAnswer("bad_response", `expected a JSON object, answered${whatCame(body)}`, facts);
}

/** Members by which an answer shows that it is an error in one of the flat forms. */
const errorMembers = ["error", "detail", "message"] as const;

/** The error of an answer that lacks what it is for. */
export function without(what: string, answer: Record<string, unknown>, facts: AnswerFacts): Error {
  return errorMembers.some((name) => answer[name])
    ? errorOf(answer, facts)
    : brokenAnswer("bad_response", `the answer has no ${what}`, facts);
}
