import { readdirSync, readFileSync } from "node:fs";
import { join, posix, sep } from "node:path";
import { parseSync, visitorKeys } from "oxc-parser";

/** Source texts by their path under `src/`, with forward slashes. */
export type Tree = ReadonlyMap<string, string>;

export function readTree(root: string): Tree {
  const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((path) =>
    path.endsWith(".ts"),
  );
  return new Map(
    files.sort().map((path) => [path.split(sep).join("/"), readFileSync(join(root, path), "utf8")]),
  );
}

/** A node of the syntax tree, as far as these checks look at it. */
interface Node {
  readonly type: string;
  readonly start: number;
  readonly [member: string]: unknown;
}

/** A use of a global: `name` is `fetch` for `fetch(...)`, and `Date.now` for `Date.now()`. */
export interface Use {
  readonly name: string;
  readonly line: number;
}

export interface Source {
  readonly path: string;
  /** Every module specifier, whether it is imported for its values or its types, now or later. */
  readonly imports: readonly Use[];
  /** Every identifier in the place of a value, with the member taken from it where one is. */
  readonly uses: readonly Use[];
  /** Every name imported, or called as somebody's member. */
  readonly names: readonly Use[];
}

/** The parents and their fields under which an identifier is a mere name, not a value. */
const nameOnly: Readonly<Record<string, string>> = {
  MemberExpression: "property",
  Property: "key",
  MethodDefinition: "key",
  PropertyDefinition: "key",
  TSPropertySignature: "key",
  TSMethodSignature: "key",
  TSEnumMember: "id",
};

export function readSource(path: string, text: string): Source {
  const { program, errors } = parseSync(path, text);
  if (errors.length > 0) throw new Error(`${path}: ${errors[0]!.message}`);
  const imports: Use[] = [];
  const uses: Use[] = [];
  const names: Use[] = [];
  const at = (node: Node): number => text.slice(0, node.start).split("\n").length;

  const visit = (node: Node, parent: Node | undefined, field: string): void => {
    const specifier = specifierOf(node);
    if (specifier !== undefined) imports.push({ name: specifier, line: at(node) });
    if (node.type === "ImportSpecifier") names.push({ name: nameOf(node.imported)!, line: at(node) });
    if (node.type === "MemberExpression") names.push({ name: memberOf(node) ?? "", line: at(node) });
    const onGlobal =
      node.type === "MemberExpression" && isGlobalObject(node.object as Node) && memberOf(node);
    if (onGlobal) uses.push({ name: onGlobal, line: at(node) });
    if (node.type === "NewExpression" && (node.arguments as Node[]).length === 0) {
      uses.push({ name: `new ${nameOf(node.callee)}()`, line: at(node) });
    }
    if (node.type === "Identifier" && isValue(node, parent, field)) {
      uses.push({ name: useOf(node, parent, field), line: at(node) });
    }
    for (const key of visitorKeys[node.type] ?? []) {
      const child = node[key] as Node | readonly (Node | null)[] | null | undefined;
      for (const one of Array.isArray(child) ? child : [child]) if (one) visit(one, node, key);
    }
  };
  visit(program as unknown as Node, undefined, "");
  return { path, imports, uses, names };
}

function specifierOf(node: Node): string | undefined {
  const from = node.type === "TSExternalModuleReference" ? node.expression : node.source;
  const literal = from as { type?: string; value?: unknown } | null | undefined;
  return literal?.type === "Literal" ? String(literal.value) : undefined;
}

function nameOf(node: unknown): string | undefined {
  const { name, value } = node as { name?: string; value?: unknown };
  return name ?? (typeof value === "string" ? value : undefined);
}

function memberOf(node: Node): string | undefined {
  const property = node.property as Node;
  return node.computed && property.type !== "Literal" ? undefined : nameOf(property);
}

function isValue(node: Node, parent: Node | undefined, field: string): boolean {
  if (parent === undefined || parent.type.startsWith("TSType") || parent.type === "TSQualifiedName")
    return false;
  if (parent.type.startsWith("Import") || parent.type.startsWith("Export")) return false;
  if (nameOnly[parent.type] === field) return parent.computed === true || parent.shorthand === true;
  return node.name !== undefined;
}

/** `Date.now` where a member is taken, `Date` where the whole thing is passed on or taken apart. */
function useOf(node: Node, parent: Node | undefined, field: string): string {
  const name = String(node.name);
  if (parent?.type !== "MemberExpression" || field !== "object") return name;
  const member = memberOf(parent);
  return member === undefined ? name : `${name}.${member}`;
}

/** `globalThis`, also behind a cast. */
function isGlobalObject(node: Node): boolean {
  if (node.type === "Identifier") return node.name === "globalThis" || node.name === "global";
  const inner = node.expression as Node | undefined;
  return inner !== undefined && /^TS|^Parenthesized/.test(node.type) && isGlobalObject(inner);
}

/** The path under `src/` that a relative specifier leads to. */
export function resolve(from: string, specifier: string): string {
  return posix.normalize(posix.join(posix.dirname(from), specifier));
}
