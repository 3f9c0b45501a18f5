import type { Door, Row } from "./house.ts";
import { readSource, resolve, type Source, type Tree, type Use } from "./source.ts";

export function readAll(tree: Tree): Source[] {
  return [...tree].map(([path, text]) => readSource(path, text));
}

/** The room of a path: its folder, or the file itself when it lies directly in `src/`. */
export function roomOf(path: string): string {
  return path.split("/")[0]!;
}

/** Imports that no row allows, that lead nowhere, or that reach the package through its own name. */
export function checkImports(
  sources: readonly Source[],
  rows: readonly Row[],
  packageName: string,
): string[] {
  const known = new Set(sources.map((source) => source.path));
  const found: string[] = [];
  for (const { path, imports } of sources) {
    const room = roomOf(path);
    if (rowOf(room, rows) === undefined) found.push(`${path}: the room ${room} is in no row of the house`);
    for (const { name, line } of imports) {
      const place = `${path}:${line}`;
      if (name === packageName || name.startsWith(`${packageName}/`) || name.startsWith("#")) {
        found.push(`${place}: imports the package by its own name (${name})`);
      }
      if (!name.startsWith(".")) continue;
      const target = resolve(path, name);
      if (!known.has(target)) found.push(`${place}: ${name} is no file of src/`);
      else if (!mayImport(room, roomOf(target), rows))
        found.push(`${place}: ${room} may not import ${target}`);
    }
  }
  return found;
}

function rowOf(room: string, rows: readonly Row[]): Row | undefined {
  return rows.find((row) => row.rooms.includes(room));
}

function mayImport(from: string, to: string, rows: readonly Row[]): boolean {
  if (from === to) return true;
  const row = rowOf(from, rows);
  const target = rowOf(to, rows);
  if (row === undefined || target === undefined) return false;
  return row.mayImport === "rows below" ? target.row < row.row : row.mayImport.includes(to);
}

/** Every loop of files that import each other, for types or for values: its files, in the order of the loop. */
export function findLoops(sources: readonly Source[]): string[] {
  const edges = new Map(
    sources.map(({ path, imports }) => [
      path,
      imports.filter(({ name }) => name.startsWith(".")).map(({ name }) => resolve(path, name)),
    ]),
  );
  const done = new Set<string>();
  const loops: string[] = [];
  const walk = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) loops.push([...trail.slice(start), path].join(" -> "));
    if (start >= 0 || done.has(path)) return;
    for (const next of edges.get(path) ?? []) walk(next, [...trail, path]);
    done.add(path);
  };
  for (const path of edges.keys()) walk(path, []);
  return loops;
}

/** Uses of what goes through a door, by a file that is not in the door's places. */
export function checkDoors(sources: readonly Source[], doors: readonly Door[]): string[] {
  const found: string[] = [];
  for (const source of sources) {
    for (const door of doors) {
      if (door.places.some((place) => isIn(source.path, place))) continue;
      for (const { name, line } of throughDoor(source, door)) {
        found.push(`${source.path}:${line}: ${name} touches ${door.name}; only ${list(door.places)} may`);
      }
    }
  }
  return found;
}

function isIn(path: string, place: string): boolean {
  return place.endsWith("/") ? path.startsWith(place) : path === place;
}

function throughDoor(source: Source, door: Door): Use[] {
  return [
    ...source.uses.filter(({ name }) => door.globals?.some((global) => touches(name, global, door))),
    ...source.imports.filter(({ name }) => door.modules?.some((module) => sameModule(name, module))),
    ...source.names.filter(({ name }) => door.names?.includes(name)),
  ];
}

/** `Date.now` is touched by `Date.now`; all of `fetch` by `fetch` and any member of it. */
function touches(use: string, global: string, { harmless = [] }: Door): boolean {
  if (use === global) return true;
  // A global of which one member is kept behind a door may not be taken apart behind the checker's back.
  if (isTakenApart(use, global)) return true;
  if (!use.startsWith(`${global}.`)) return false;
  return !harmless.includes(use.slice(global.length + 1));
}

const wholes = ["process", "Math", "performance"];

function isTakenApart(use: string, global: string): boolean {
  return wholes.includes(use) && global.startsWith(`${use}.`);
}

function sameModule(name: string, module: string): boolean {
  return name === module || `node:${name}` === module || (module === "undici" && name.startsWith("undici/"));
}

function list(places: readonly string[]): string {
  return places.length === 0 ? "nobody" : places.join(", ");
}
