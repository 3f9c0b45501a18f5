import type { CacheUse } from "../core/call.ts";
import { type Check, checks } from "../core/check.ts";

/** How the cache is used, beyond on and off. What is left out is as the LM says. */
export interface CacheChoice {
  /** Answers of one scope are never seen in another. Default: the scope that all calls share. */
  readonly scope?: string;
  /** Milliseconds an answer may be used for. Default: for ever. */
  readonly ttl?: number;
  /** A name for several endpoints that are the same model, so that they share answers. Default: none. */
  readonly replicas?: string;
}

/** `true`, `false` (neither read nor written nor joined), `"refresh"` (asked anew and replaced), or the details. */
export type CacheOption = boolean | "refresh" | CacheChoice;

// An empty one (`scope: tenant ?? ""`) would be everybody's.
const name: Check = (value) => (typeof value === "string" && value !== "" ? undefined : "a name");
const choiceChecks = { scope: name, ttl: checks.duration, replicas: name };

export const cacheCheck: Check = (value) => {
  if (typeof value === "boolean" || value === "refresh") return undefined;
  const right =
    checks.plainObject(value) === undefined &&
    Object.entries(value as object).every(([member, given]) => {
      const check = Object.hasOwn(choiceChecks, member)
        ? choiceChecks[member as keyof CacheChoice]
        : undefined;
      return check !== undefined && (given === undefined || check(given) === undefined);
    });
  return right
    ? undefined
    : 'true, false, "refresh" or { scope, ttl, replicas }, where scope and replicas are names, ttl is milliseconds above 0';
};

/** The use that `options` describe together, the first one first. */
export function cacheUse(...options: readonly (CacheOption | undefined)[]): CacheUse {
  const choices = options.filter((option) => typeof option === "object");
  const mode = options.find((option) => option !== undefined) ?? true;
  const first = <Name extends keyof CacheChoice>(name: Name): CacheChoice[Name] =>
    choices.find((choice) => choice[name] !== undefined)?.[name];
  return Object.freeze({
    mode: mode === false ? "off" : mode === "refresh" ? "refresh" : "use",
    scope: first("scope") ?? "",
    ttl: first("ttl"),
    replicas: first("replicas"),
  });
}

/** What nearly every call says: nothing. */
export const plainUse: CacheUse = cacheUse();

export const rolloutCheck: Check = (value) =>
  typeof value === "string" || Number.isFinite(value) ? undefined : "a number or a string";
