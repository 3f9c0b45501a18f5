import { checkOptions, checks } from "../core/check.ts";
import { thrownText } from "../core/thrown.ts";
import { ownMember } from "../signature/check-value.ts";
import { demosToFile } from "./state/demos.ts";
import { dspyField, fieldsOf, savedField } from "./state/fields.ts";
import { type Change, type Fitted, fitted, type StatefulPredictor } from "./state/fit.ts";
import { type JsonObject, jsonCopy } from "./state/json-data.ts";
import { formatVersion, type Origin, ownNames, readLayout, type Saved } from "./state/layout.ts";
import { type Pair, pairsOf } from "./state/pairs.ts";
import { Differences, quoted, wrongState } from "./state/wrong.ts";

export type { Origin } from "./state/layout.ts";

/** A program's prompts as plain JSON data, in the layout of DSPy and with what that leaves out. */
export type ProgramState = JsonObject;

/** A program, as saving sees it. */
export interface Stateful {
  namedPredictors(): readonly (readonly [name: string, predictor: StatefulPredictor])[];
}

/** What a state says beside the prompts; what `load` gave fits in here. */
export type About = Partial<Pick<Origin, "models" | "provenance">>;

/** How a state is laid onto a program. */
export interface ApplyOptions {
  /** Predictors that the file does not have keep what they have; without this they are a difference. */
  readonly partial?: boolean;
}

/** The checks of `ApplyOptions`. */
export const applyChecks = { partial: checks.boolean };

const whatever = (): undefined => undefined;
/** What `load` gave may be given back whole. */
const aboutChecks = {
  models: checks.plainObject,
  provenance: checks.plainObject,
  writer: whatever,
  leftOut: whatever,
};

/** The state of a program: instructions, descriptions, demos and sampling options of its predictors. */
export function stateOf(module: Stateful, about: About = {}): ProgramState {
  checkOptions("save", about, aboutChecks);
  const named = predictorsOf(module);
  const parts = named.map(([name, predictor]) => [name, partOf(name, predictor)] as const);
  const models = about.models ?? {};
  const details = named.map(([name, predictor]) => [
    name,
    detailsOf(name, predictor, ownMember(models, name) as string | undefined),
  ]);
  const { provenance = {} } = about;
  return Object.freeze({
    ...(isBare(module, named) ? parts[0]![1] : Object.fromEntries(parts)),
    metadata: { dependency_versions: {} },
    trunkline: {
      version: formatVersion,
      predictors: Object.fromEntries(details),
      ...(Object.keys(provenance).length > 0 && { provenance: jsonCopy(provenance, "provenance") }),
    },
  });
}

/** DSPy's five keys, in its order. */
function partOf(name: string, { signature, demos }: StatefulPredictor): JsonObject {
  return {
    traces: [],
    train: [],
    demos: demosToFile(name, signature, demos),
    signature: { instructions: signature.instructions, fields: fieldsOf(signature).map(dspyField) },
    lm: null,
  };
}

/** What DSPy leaves out. */
function detailsOf(name: string, predictor: StatefulPredictor, tunedOn: string | undefined): JsonObject {
  const { signature, config, tools, lm } = predictor;
  const model = tunedOn ?? lm?.model;
  const place = quoted(name);
  return {
    inputs: signature.inputs.map(savedField),
    outputs: signature.outputs.map(savedField),
    ...(Object.keys(config).length > 0 && { config: jsonCopy(config, `${place}: config`) }),
    ...(tools !== undefined && {
      tools: tools.map(({ name: toolName, description, inputSchema }) =>
        jsonCopy({ name: toolName, description, inputSchema }, `${place}: tool ${quoted(toolName)}`),
      ),
    }),
    ...(model !== undefined && { model }),
  };
}

/**
 * Lays a state onto a program: all of it or, where anything differs, nothing. A state without the key `trunkline` is
 * DSPy's own.
 */
export function applyState(module: Stateful, state: unknown, options: ApplyOptions = {}): Origin {
  checkOptions("load", options, applyChecks);
  const saved = readLayout(state);
  const named = predictorsOf(module);
  const differences = new Differences();
  const pairs = pairsOf(saved, named, isBare(module, named), options.partial ?? false, differences);
  const changes = pairs.map(({ name, predictor, from }) =>
    fitted(name, predictor, saved.predictors.get(from)!, differences),
  );
  differences.settle(`the state does not fit ${ownerOf(module)}`);
  commit(changes);
  return originFor(saved.origin, pairs, changes);
}

/** What the file says of its origin, by the program's names. */
function originFor(
  { writer, models, provenance }: Saved["origin"],
  pairs: readonly Pair[],
  changes: readonly Fitted[],
): Origin {
  const ours = pairs.flatMap(({ name, from }) => {
    const model = ownMember(models, from);
    return model === undefined ? [] : [[name, model]];
  });
  const leftOut = pairs.flatMap(({ name }, i) => {
    const columns = changes[i]!.leftOut;
    return columns.length === 0 ? [] : [[name, columns]];
  });
  return Object.freeze({
    writer,
    models: Object.freeze(Object.fromEntries(ours)),
    provenance,
    leftOut: Object.freeze(Object.fromEntries(leftOut)),
  });
}

type Named = ReturnType<Stateful["namedPredictors"]>;

/** Sets everything, or takes back what was set. */
function commit(changes: readonly Change[]): void {
  const before = changes.map(({ name, predictor }): Change => {
    const { signature, demos, config } = predictor;
    return { name, predictor, signature, demos, config };
  });
  for (const change of changes) {
    try {
      set(change);
    } catch (cause) {
      for (const each of before) set(each);
      const why = `${quoted(change.name)} refuses what the state says of it: ${thrownText(cause)}`;
      throw wrongState(`${why}; nothing was changed`, cause);
    }
  }
}

function set({ predictor, signature, demos, config }: Change): void {
  predictor.signature = signature;
  predictor.demos = demos;
  if (predictor.config !== config) predictor.config = config;
}

function predictorsOf(module: Stateful): Named {
  const named = module.namedPredictors();
  const owner = ownerOf(module);
  if (named.length === 0) {
    throw wrongState(`${owner} has no predictors that can be found; those in #private fields cannot be`);
  }
  const names = new Set<string>();
  for (const [name] of named) {
    if (names.has(name)) throw wrongState(`${owner} has two predictors called ${quoted(name)}`);
    if (ownNames.has(name)) {
      throw wrongState(
        `${owner} has a predictor called ${quoted(name)}, which is a name of the file's own: rename it`,
      );
    }
    names.add(name);
  }
  return named;
}

function ownerOf(module: Stateful): string {
  return module.constructor.name || "the program";
}

/** Whether the program is one predictor and nothing around it. */
function isBare(module: Stateful, named: Named): boolean {
  return named.length === 1 && (named[0]![1] as unknown) === module;
}
