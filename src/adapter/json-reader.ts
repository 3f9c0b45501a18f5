import { step } from "../signature/check-value.ts";
import { Bare, Broken, cutOff, elided, empty, tangled, tooDeep } from "./broken.ts";
import { sameOf } from "./found.ts";
import { behindComments, behindSpace, isMark } from "./json-marks.ts";
import { closersOf, keyAt, type Place, readString, startsMember } from "./json-string.ts";
import { Names, namesOf } from "./names.ts";
import type { View } from "./view.ts";

/** Values by name, as an answer holds them. Some may be `Bare` or `Broken`, at any depth. */
export type Members = Record<string, unknown>;

const maxDepth = 64;
const any: View = { kind: "any" };
const noNames = new Names([]);
const inList: Place = { in: "list", names: noNames, seen: new Set() };

interface ObjectRead {
  readonly members: Members;
  readonly closed: boolean;
  /** False where the model says that it left members out. */
  readonly whole: boolean;
}

/**
 * Reads JSON that a model wrote carelessly: wrong or missing quotes, commas, colons and ends, comments, Python's
 * words, raw line breaks. It knows the names it waits for, so it can tell where a text ends that holds quotes; what
 * cannot be told is `Broken`, never guessed. Time is linear: it looks ahead a bounded stretch only.
 */
export class JsonReader {
  readonly #text: string;
  #at: number;
  #depth = 0;
  /** The objects that are open. */
  readonly #around: Place[] = [];

  constructor(text: string, at = 0) {
    this.#text = text;
    this.#at = at;
  }

  /** Where reading stands. */
  get at(): number {
    return this.#at;
  }

  /** The object that begins here. One whose last brace is missing counts as far as its members are whole. */
  object(view: View): Members {
    return this.#object(view).members;
  }

  /** The list that begins here, which must be whole. */
  list(view: View): unknown {
    return this.#list(view);
  }

  #value(view: View, place: Place): unknown {
    this.#at = behindComments(this.#text, this.#at);
    const { closes, opens } = this.#here();
    if (opens === "object") return this.#inner(view);
    if (opens === "list") return this.#list(view);
    if (opens === "text") {
      const { value, end } = readString(this.#text, this.#at, place);
      this.#at = end;
      return value;
    }
    if (this.#at >= this.#text.length) return cutOff;
    return closes ? empty : this.#bare(place);
  }

  #here(): { readonly opens?: "object" | "list" | "text"; readonly closes: boolean } {
    if (isMark(this.#text, this.#at, "opensObject")) return { opens: "object", closes: false };
    if (isMark(this.#text, this.#at, "opensList")) return { opens: "list", closes: false };
    if (closersOf(this.#text[this.#at]) !== undefined) return { opens: "text", closes: false };
    return { closes: isMark(this.#text, this.#at, "closes") || isMark(this.#text, this.#at, "comma") };
  }

  /** An object inside a value: what is not whole in it spoils it all. */
  #inner(view: View): unknown {
    const { members, closed, whole } = this.#object(view);
    if (!closed) return cutOff;
    return whole ? (spoiled(Object.entries(members)) ?? members) : elided;
  }

  #object(view: View): ObjectRead {
    const members: Members = {};
    if (++this.#depth > maxDepth) return this.#giveUp(members);
    const own = membersOf(view);
    const seen = new Set<string>();
    const place: Place = { in: "object", names: own.names, seen };
    this.#around.push(place);
    let whole = true;
    let isLost = false;
    let last: string | undefined;
    this.#at++;
    for (;;) {
      this.#skipCommas();
      if (isMark(this.#text, this.#at, "closesObject")) break;
      if (this.#skipDots()) {
        whole = false;
        continue;
      }
      const key = keyAt(this.#text, this.#at);
      if (key === undefined) {
        const isCut = this.#at >= this.#text.length;
        return { members: isCut ? members : withUnknown(members, own.names, seen), closed: false, whole };
      }
      this.#at = behindSpace(this.#text, key.end);
      const hasColon = key.hasColon || this.#text[this.#at] === "=";
      if (hasColon) this.#at++;
      const known = own.names.find(key.name);
      if (known === undefined && last !== undefined && isMemberOf(own.viewOf(last), key.name)) {
        // A brace too early: what follows belongs to the object before it.
        setMember(members, last, tangled);
      }
      // A brace too late: what follows belongs to an object around this one.
      if (known === undefined && this.#isAwaited(key.name)) whole = false;
      const name = known ?? key.name;
      const isTwice = seen.has(name);
      seen.add(name);
      const value = this.#value(own.viewOf(name), hasColon ? place : { ...place, slipped: true });
      setMember(members, name, isTwice ? sameOf(members[name], value) : value);
      // What nobody waits for, and is not even well written, may have been a member with a slip in its name.
      if (known === undefined && (!hasColon || (value instanceof Broken && value !== cutOff))) isLost = true;
      last = name;
    }
    this.#at++;
    this.#depth--;
    this.#around.pop();
    isLost ||= this.#depth === 0 && this.#goesOn();
    return { members: isLost ? withUnknown(members, own.names, seen) : members, closed: true, whole };
  }

  /** Whether an object around this one still waits for a member. */
  #isAwaited(key: string): boolean {
    return this.#around.some(({ names, seen }) => {
      const name = names.find(key);
      return name !== undefined && !seen.has(name);
    });
  }

  #giveUp(members: Members): ObjectRead {
    this.#at = this.#text.length;
    return { members, closed: false, whole: false };
  }

  #list(view: View): unknown {
    if (++this.#depth > maxDepth) {
      this.#at = this.#text.length;
      return tooDeep;
    }
    const itemView = view.kind === "array" ? view.items : any;
    const items: unknown[] = [];
    let whole = true;
    this.#at++;
    for (;;) {
      this.#skipCommas();
      if (this.#at >= this.#text.length) return cutOff;
      if (isMark(this.#text, this.#at, "closesList")) break;
      if (isMark(this.#text, this.#at, "closesObject")) {
        this.#depth--;
        return this.#missingBracket(items, whole);
      }
      if (this.#skipDots()) whole = false;
      else items.push(this.#value(itemView, inList));
    }
    this.#at++;
    this.#depth--;
    return whole ? (spoiled(items.entries()) ?? items) : elided;
  }

  /** A brace where the bracket belongs: it stands in for it if the object goes on behind it, else it ends the object. */
  #missingBracket(items: readonly unknown[], whole: boolean): unknown {
    this.#at++;
    if (!this.#goesOn()) this.#at--;
    return whole ? (spoiled(items.entries()) ?? items) : elided;
  }

  /** Whether another member stands here. */
  #goesOn(): boolean {
    const next = behindSpace(this.#text, this.#at);
    const hasComma = isMark(this.#text, next, "comma");
    const key = keyAt(this.#text, hasComma ? behindSpace(this.#text, next + 1) : next);
    if (key === undefined || !key.hasColon) return false;
    // A bare word and a colon may be a sentence behind it all.
    return hasComma || closersOf(this.#text[key.end - 1]) !== undefined;
  }

  /** A value without quotes: a number, a word, or a text up to the next sign. */
  #bare(place: Place): unknown {
    const start = this.#at;
    const token = bareToken.exec(this.#text.slice(start, start + maxToken))?.[0];
    if (token !== undefined && this.#endsToken(start + token.length)) {
      this.#at = start + token.length;
      if (place.in === "object") this.#skipThousands();
      const isWord = /[a-z]$/i.test(token);
      if (this.#at >= this.#text.length && !isWord) return cutOff;
      // `[1,000]`: not two numbers, and perhaps not one.
      if (place.in === "list" && /^0\d/.test(token)) return tangled;
      return this.#commaInText(place) ? tangled : new Bare(this.#text.slice(start, this.#at));
    }
    while (this.#at < this.#text.length && !isEndOfBare(this.#text, this.#at)) this.#at++;
    if (this.#at >= this.#text.length) return cutOff;
    const text = this.#text.slice(start, this.#at).trim();
    return /["{[:\u201c]/.test(text) || this.#commaInText(place) ? tangled : new Bare(text);
  }

  #endsToken(at: number): boolean {
    let i = at;
    while (this.#text[i] === " " || this.#text[i] === "\t") i++;
    const char = this.#text[i];
    if (char === undefined || char === "\r" || isEndOfBare(this.#text, i)) return true;
    return i > at && /["'#/]/.test(char);
  }

  /** `1,234` in an object: no member begins with a digit. */
  #skipThousands(): void {
    const more = /^(?:,\d{3})+(?:\.\d+)?(?![\d.])/.exec(this.#text.slice(this.#at, this.#at + maxToken));
    if (more !== null) this.#at += more[0].length;
  }

  /** A comma in an object behind which no member begins belongs to the text before it. */
  #commaInText(place: Place): boolean {
    if (place.in === "list" || !isMark(this.#text, this.#at, "comma")) return false;
    const next = behindComments(this.#text, this.#at + 1);
    if (next >= this.#text.length || isMark(this.#text, next, "closesObject")) return false;
    return !isMark(this.#text, next, "comma") && !startsMember(this.#text, next, place, false);
  }

  #skipCommas(): void {
    this.#at = behindComments(this.#text, this.#at);
    while (isMark(this.#text, this.#at, "comma")) this.#at = behindComments(this.#text, this.#at + 1);
  }

  /** Dots in the place of what was left out. */
  #skipDots(): boolean {
    const dots = this.#text.startsWith("...", this.#at) ? 3 : this.#text[this.#at] === "\u2026" ? 1 : 0;
    this.#at += dots;
    return dots > 0;
  }
}

/** Numbers, and the words that stand for values. */
const bareToken = /^(?:[-+]?\.?\d[\d.eE+-]*|[A-Za-z]+)/;
const maxToken = 400;

function isEndOfBare(text: string, at: number): boolean {
  return text[at] === "\n" || isMark(text, at, "comma") || isMark(text, at, "closes");
}

interface OwnMembers {
  readonly names: Names;
  viewOf(name: string): View;
}

function membersOf(view: View): OwnMembers {
  if (view.kind === "shape") {
    const byName = new Map(view.members.map((member) => [member.name, member.view]));
    return { names: namesOf(view.members), viewOf: (name) => byName.get(name) ?? any };
  }
  const values = view.kind === "map" ? view.values : any;
  return { names: noNames, viewOf: () => values };
}

/** Where members may have been missed, those that were not seen cannot be told. */
function withUnknown(members: Members, { all }: Names, seen: ReadonlySet<string>): Members {
  for (const name of all) if (!seen.has(name)) setMember(members, name, tangled);
  return members;
}

function isMemberOf(view: View, name: string): boolean {
  return view.kind === "shape" && namesOf(view.members).find(name) !== undefined;
}

/** The first that is broken, seen from outside. */
function spoiled(values: Iterable<readonly [string | number, unknown]>): Broken | undefined {
  for (const [key, value] of values) if (value instanceof Broken) return value.inside(step(key));
  return undefined;
}

function setMember(members: Members, name: string, value: unknown): void {
  if (name !== "__proto__") members[name] = value;
  else Object.defineProperty(members, name, { value, enumerable: true, configurable: true, writable: true });
}
