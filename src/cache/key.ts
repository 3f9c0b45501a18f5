import { hash } from "node:crypto";
import type { CallOptions } from "../core/call.ts";
import { canonical } from "../core/json.ts";
import type { ChatRequest } from "../core/request.ts";
import { semanticHeaders } from "./headers.ts";

/** What is the same for the keys of all calls of one Client. */
export interface KeyFacts {
  /** Who answers: the resolved endpoint and its provider. */
  readonly identity: string;
  /** The identity means something in this process alone. */
  readonly memoryOnly?: boolean;
  /** The Client's own headers. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Raised with every change of what a key is made of, so that an older answer is never found under a newer key. */
const version = "1";

/** Keys that may be stored; those of nameless backends ("m1:") stay in the memory of their process. */
export const storedKey = new RegExp(`^v${version}:[0-9a-f]{16}:[0-9a-f]{64}$`);

/** What the keys of one scope begin with, for every kind of key. */
export function scopePrefixes(scope: string): readonly string[] {
  const tag = hash("sha256", scope).slice(0, 16);
  return [`v${version}:${tag}:`, `m${version}:${tag}:`];
}

/**
 * Makes the keys of one Client's calls: `v1:<scope>:<SHA-256>`. In the hash is everything that reaches the wire or
 * decides who answers; `docs/cache-key.md` lists it, and what is left out.
 */
export class Keys {
  readonly #facts: KeyFacts;
  #last: { readonly scope: string; readonly replicas: string | undefined; readonly start: Start } | undefined;

  constructor(facts: KeyFacts) {
    this.#facts = facts;
  }

  /** Undefined where the request has no canonical form: such a call is made and not remembered. */
  of(request: ChatRequest, { cache, headers, rolloutId }: CallOptions): string | undefined {
    const { prefix, text } = this.#startOf(cache!.scope, cache!.replicas);
    try {
      const own = headers === undefined && rolloutId === undefined ? "" : this.#own(headers, rolloutId);
      return prefix + hash("sha256", `${text}\n${own}\n${canonical(request)}`);
    } catch {
      return undefined;
    }
  }

  #own(headers: CallOptions["headers"], rolloutId: CallOptions["rolloutId"]): string {
    // A header of the call takes the place of the Client's of that name.
    const semantic = headers && semanticHeaders(this.#facts.headers, headers);
    return semantic === undefined && rolloutId === undefined
      ? ""
      : canonical({ headers: semantic, rolloutId });
  }

  #startOf(scope: string, replicas: string | undefined): Start {
    const last = this.#last;
    if (last !== undefined && last.scope === scope && last.replicas === replicas) return last.start;
    const { identity, memoryOnly, headers } = this.#facts;
    const start = {
      prefix: scopePrefixes(scope)[memoryOnly ? 1 : 0]!,
      text: canonical({
        scope,
        ...(replicas === undefined ? { identity } : { replicas }),
        headers: semanticHeaders(headers),
      }),
    };
    this.#last = { scope, replicas, start };
    return start;
  }
}

interface Start {
  readonly prefix: string;
  readonly text: string;
}
