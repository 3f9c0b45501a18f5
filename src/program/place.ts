import { type ModuleLike, nameOf } from "./own.ts";
import { pathIn } from "./predictors.ts";
import { runScope } from "./run-scope.ts";

/** Where a module is in the program that runs around here, if it is found there. */
export function placeOf(module: object): { readonly root: ModuleLike; readonly path: string } | undefined {
  let outermost = runScope()?.enclosing;
  while (outermost?.outer !== undefined) outermost = outermost.outer;
  const path = outermost && pathIn(outermost.module, module);
  return path ? { root: outermost!.module, path } : undefined;
}

/** A module for an error: by its place in the program that runs, else as `otherwise`. */
export function named(module: object, otherwise: string = nameOf(module)): string {
  const place = placeOf(module);
  return place === undefined ? otherwise : `"${place.path}" of ${nameOf(place.root)}`;
}
