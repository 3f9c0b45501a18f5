import { type Check, checks, oneOf, show } from "../core/check.ts";
import { type Choice, type Completion, finishReasons, type Usage } from "../core/completion.ts";
import { TrunklineError } from "../core/errors.ts";
import type { AssistantMessage, ToolCall } from "../core/message.ts";
import type { ChatRequest } from "../core/request.ts";

type Members = Readonly<Record<string, unknown>>;

const optionalString: Check = (v) => (v === undefined ? undefined : checks.string(v));
const optionalCount: Check = (v) => (v === undefined ? undefined : checks.count(v));
const optionalList: Check = (v) => (v === undefined || Array.isArray(v) ? undefined : "a list");

const completionFields = {
  text: checks.string,
  model: checks.string,
  cacheHit: checks.boolean,
  id: optionalString,
} satisfies Record<string, Check>;

const usageFields = {
  inputTokens: checks.count,
  outputTokens: checks.count,
  totalTokens: checks.count,
  cachedInputTokens: checks.count,
  cacheWriteTokens: checks.count,
  reasoningTokens: optionalCount,
} satisfies Record<string, Check>;

const choiceFields = {
  index: checks.count,
  finishReason: oneOf(...finishReasons),
  rawFinishReason: optionalString,
} satisfies Record<string, Check>;

const messageFields = {
  role: oneOf("assistant"),
  content: checks.string,
  reasoning: optionalString,
  toolCalls: optionalList,
} satisfies Record<string, Check>;

const toolCallFields = {
  id: checks.string,
  name: checks.string,
  argumentsText: checks.string,
  arguments: checks.plainObject,
} satisfies Record<string, Check>;

/**
 * Holds what an outside driver returned against the shape of a Completion and copies it to plain data, so that
 * a class instance, a getter or a later change in the driver can never reach a cache or a caller. Throws one
 * `bad_response` that names every wrong field.
 */
export function plainCompletion(came: unknown, driver: string): Completion {
  if (checks.plainObject(came) !== undefined) {
    throw badResult(driver, [`expected a completion, got ${show(came)}`]);
  }
  const reader = new Reader();
  const completion = readCompletion(came as Members, reader);
  if (reader.wrong.length > 0) throw badResult(driver, reader.wrong);
  return completion;
}

/** Throws where an embed request was not answered by one vector for each of its texts. */
export function checkVectors({ vectors = [] }: Completion, request: ChatRequest, driver: string): void {
  const { model, messages } = request;
  if (vectors.length === messages.length) return;
  throw new TrunklineError(
    "bad_response",
    `${driver} answered ${messages.length} texts with ${vectors.length} vectors`,
    { provider: driver, model },
  );
}

function badResult(driver: string, wrong: readonly string[]): TrunklineError {
  const hint = "completion(text, { inputTokens, outputTokens }) makes the right shape";
  return new TrunklineError(
    "bad_response",
    `the result of ${driver} is not a completion: ${wrong.join("; ")}. ${hint}`,
  );
}

/** Fields named one after the other before the list is cut: enough to see the pattern. */
const mostNamed = 12;

/** Reads members by tables of checks and remembers what was wrong, with its place. */
class Reader {
  readonly wrong: string[] = [];

  fields<T>(from: Members, place: string, table: Readonly<Record<string, Check>>): T {
    const copy: Record<string, unknown> = {};
    for (const name of Object.keys(table)) {
      const value = from[name];
      const expected = table[name]!(value);
      if (expected !== undefined) this.complain(`${place}${name}`, expected, value);
      else if (value !== undefined) copy[name] = value;
    }
    return copy as T;
  }

  /** `value` as an object, or an empty one and a complaint. */
  object(value: unknown, place: string): Members {
    const expected = checks.plainObject(value);
    if (expected === undefined) return value as Members;
    this.complain(place, expected, value);
    return {};
  }

  list(value: unknown, place: string): readonly unknown[] {
    if (Array.isArray(value) && value.length > 0) return value;
    this.complain(place, "a list of at least one", value);
    return [];
  }

  /** A copy by way of JSON, which leaves functions and classes behind. */
  json<T>(value: T, place: string): T | undefined {
    if (value === undefined) return undefined;
    try {
      const text = JSON.stringify(value);
      return text === undefined ? undefined : (JSON.parse(text) as T);
    } catch {
      this.complain(place, "plain data that JSON can hold", value);
      return undefined;
    }
  }

  complain(place: string, expected: string, came: unknown): void {
    if (this.wrong.length < mostNamed) this.wrong.push(`${place}: expected ${expected}, got ${show(came)}`);
  }
}

function readCompletion(from: Members, reader: Reader): Completion {
  const completion = {
    ...reader.fields<Pick<Completion, "text" | "model" | "cacheHit" | "id">>(from, "", completionFields),
    choices: choicesOf(from, reader).map((choice, i) => readChoice(choice, `choices[${i}]`, reader)),
    usage: readUsage(from.usage, reader),
    ...(from.vectors !== undefined && { vectors: readVectors(from.vectors, reader) }),
  };
  const content = completion.choices[0]?.message.content;
  if (content !== undefined && completion.text !== undefined && content !== completion.text) {
    reader.complain("text", "the content of the first choice", completion.text);
  }
  return completion;
}

/** Vectors have no choices beside them. */
function choicesOf({ choices, vectors }: Members, reader: Reader): readonly unknown[] {
  return vectors === undefined ? reader.list(choices, "choices") : [];
}

function readVectors(value: unknown, reader: Reader): readonly (readonly number[])[] {
  return reader.list(value, "vectors").map((vector, i) => {
    if (Array.isArray(vector) && vector.every(Number.isFinite)) return [...vector];
    reader.complain(`vectors[${i}]`, "a list of numbers", vector);
    return [];
  });
}

function readChoice(value: unknown, place: string, reader: Reader): Choice {
  const choice = reader.object(value, place);
  const message = reader.object(choice.message, `${place}.message`);
  const fields = reader.fields<AssistantMessage>(message, `${place}.message.`, messageFields);
  const opaque = reader.json(message.opaque as AssistantMessage["opaque"], `${place}.message.opaque`);
  const toolCalls = fields.toolCalls?.map((call, i) =>
    readToolCall(call, `${place}.message.toolCalls[${i}]`, reader),
  );
  return {
    ...reader.fields<Omit<Choice, "message">>(choice, `${place}.`, choiceFields),
    message: { ...fields, ...(toolCalls && { toolCalls }), ...(opaque && { opaque }) },
  };
}

function readToolCall(value: unknown, place: string, reader: Reader): ToolCall {
  const fields = reader.fields<ToolCall>(reader.object(value, place), `${place}.`, toolCallFields);
  return { ...fields, arguments: reader.json(fields.arguments, `${place}.arguments`) ?? {} };
}

function readUsage(value: unknown, reader: Reader): Usage {
  const from = reader.object(value, "usage");
  const raw = reader.json(from.raw, "usage.raw");
  return { ...reader.fields<Usage>(from, "usage.", usageFields), ...(raw !== undefined && { raw }) };
}
