import type { Form } from "../adapter/adapter.ts";
import { isTrunklineError } from "../core/errors.ts";
import type { LM } from "../lm/lm.ts";

/** The forms from the strictest down. */
const forms: readonly Form[] = ["json_schema", "json", "text"];

/** What models turned out to hold where that is less than their drivers say, by the LM's identity. */
const learnt = new Map<string, Form>();
const mostLearnt = 1_000;

/** The strictest form that the LM is known to hold an answer to. */
export function formFor(lm: LM): Form {
  const declared = lm.abilities.responseFormat;
  if (learnt.size === 0) return declared;
  const known = learnt.get(lm.identity);
  return known !== undefined && forms.indexOf(known) > forms.indexOf(declared) ? known : declared;
}

/** Words by which providers name the answer's form when they refuse it. */
const namesForm =
  /response[_ ]?(format|schema|mime)|json[_ ]?(schema|object|mode)|structured[_ ]?output|output[_ ]?(format|config)|grammar|guided/i;

/** Whether `error` refuses the form that was asked for; the model is then asked for a looser one from now on. */
export function stepDown(lm: LM, asked: Form | undefined, error: unknown): boolean {
  if (asked === undefined || asked === "text") return false;
  if (!isTrunklineError(error) || error.code !== "bad_request" || !namesForm.test(error.message))
    return false;
  if (learnt.size >= mostLearnt) learnt.clear();
  learnt.set(lm.identity, forms[forms.indexOf(asked) + 1]!);
  return true;
}
