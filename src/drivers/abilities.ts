import { type Check, checkOptions, checks, oneOf, wrongOption } from "../core/check.ts";
import { TrunklineError } from "../core/errors.ts";
import type { MediaPart, Message } from "../core/message.ts";
import type { ChatRequest, ResponseFormat } from "../core/request.ts";
import type { Abilities, Driver } from "./driver.ts";

/** The checks of what a driver says it can carry. */
export const abilityChecks = {
  images: checks.boolean,
  files: checks.boolean,
  tools: checks.boolean,
  responseFormat: oneOf("text", "json", "json_schema"),
  choices: checks.boolean,
} satisfies Record<keyof Abilities, Check>;

/** Throws a `config` error for what is no driver, naming the member that is missing or wrong. */
export function checkDriver(driver: Driver): void {
  const { name, chat, abilities } = driver;
  if (typeof name !== "string" || name === "") throw wrongOption("driver: name", "a string", name);
  if (typeof chat !== "function") throw wrongOption(`driver ${name}: chat`, "a function", chat);
  if (driver.embed !== undefined && typeof driver.embed !== "function")
    throw wrongOption(`driver ${name}: embed`, "a function", driver.embed);
  if (driver.prefers !== undefined && typeof driver.prefers !== "string")
    throw wrongOption(`driver ${name}: prefers`, 'the name of an adapter, such as "json"', driver.prefers);
  const missing = Object.keys(abilityChecks).find(
    (ability) => abilities?.[ability as keyof Abilities] === undefined,
  );
  if (missing !== undefined)
    throw wrongOption(`driver ${name}: abilities.${missing}`, "true, false or a form", undefined);
  checkOptions(`driver ${name}: abilities`, abilities, abilityChecks);
}

/** How strict an answer form is; a driver carries its own and all below it. */
const strictness: Readonly<Record<ResponseFormat["type"], number>> = { text: 0, json: 1, json_schema: 2 };

/** What all of them can carry, for a question that any of them may answer. */
export function weakest(all: readonly Abilities[]): Abilities {
  const every = (name: "images" | "files" | "tools" | "choices"): boolean => all.every((each) => each[name]);
  const forms = all.map(({ responseFormat }) => responseFormat);
  return Object.freeze({
    images: every("images"),
    files: every("files"),
    tools: every("tools"),
    choices: every("choices"),
    responseFormat: forms.reduce((a, b) => (strictness[a] <= strictness[b] ? a : b)),
  });
}

/** The error of a request that asks for more than the driver carries, or undefined. */
export function refusal(request: ChatRequest, driver: Driver): TrunklineError | undefined {
  const lack = request.embed === undefined ? lackOf(request, driver.abilities) : lackOfEmbed(driver);
  if (lack === undefined) return undefined;
  return new TrunklineError("bad_request", `${driver.name} cannot carry ${lack}; nothing was sent`, {
    provider: driver.name,
    model: request.model,
    sent: false,
  });
}

const lackOfEmbed = (driver: Driver): string | undefined =>
  driver.embed === undefined ? "an embed request (it has no `embed`)" : undefined;

function lackOf(request: ChatRequest, abilities: Abilities): string | undefined {
  if (request.tools !== undefined && request.tools.length > 0 && !abilities.tools) {
    return "tools (abilities.tools is false): `tools` must be left out";
  }
  if (request.n !== undefined && request.n > 1 && !abilities.choices) {
    return `several choices (abilities.choices is false): \`n\` must be 1, got ${request.n}`;
  }
  const form = request.responseFormat?.type;
  if (form !== undefined && strictness[form] > strictness[abilities.responseFormat]) {
    return `responseFormat "${form}" (its abilities end at "${abilities.responseFormat}")`;
  }
  return abilities.images && abilities.files ? undefined : lackOfMedia(request.messages, abilities);
}

function lackOfMedia(messages: readonly Message[], abilities: Abilities): string | undefined {
  for (const [i, { content }] of messages.entries()) {
    if (typeof content === "string") continue;
    const j = content.findIndex((part) => part.type !== "text" && !abilities[ability(part)]);
    if (j < 0) continue;
    const part = content[j] as MediaPart;
    return `the ${part.type} part messages[${i}].content[${j}] (abilities.${ability(part)} is false)`;
  }
  return undefined;
}

const ability = (part: MediaPart): "images" | "files" => (part.type === "image" ? "images" : "files");
