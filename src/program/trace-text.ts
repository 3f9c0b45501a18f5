import { jsonText } from "./json-text.ts";
import type { TraceData, TraceEntry, TraceModule, TraceTool } from "./trace-data.ts";

/** Characters of one value that are shown. */
const shownLength = 200;

/** A trace for people: what called what, indented, each value on a line. */
export function traceText({ entries, modules, tools, usage, cost, dropped }: TraceData): string {
  const depths = new Map<number, number>();
  const blocks = [
    ...modules.map((module) => ({ ...module, lines: moduleLines(module) })),
    ...entries.map((entry) => ({ ...entry, lines: entryLines(entry) })),
    ...tools.map((tool) => ({ ...tool, lines: toolLines(tool) })),
  ].sort((a, b) => a.id - b.id);
  const lines = blocks.flatMap(({ id, parent, lines: own }) => {
    const depth = parent === undefined ? 0 : (depths.get(parent) ?? 0) + 1;
    depths.set(id, depth);
    return own.map((line) => "  ".repeat(depth) + line);
  });
  if (dropped > 0) lines.push(`(${dropped} more calls are not listed)`);
  const spent = cost === undefined ? "" : `, ${cost.usd.toFixed(6)} USD`;
  return [...lines, `${usage.inputTokens} + ${usage.outputTokens} tokens${spent}`].join("\n");
}

function moduleLines({ name, type }: TraceModule): string[] {
  return [name === "" ? type : `${name} (${type})`];
}

function entryLines({ predictor, model, cacheHit, reasks, inputs, outputs, error }: TraceEntry): string[] {
  const facts = [
    ...(model ? [model] : []),
    ...(cacheHit ? ["from the cache"] : []),
    ...(reasks > 0 ? [`asked again ${reasks === 1 ? "once" : `${reasks} times`}`] : []),
  ];
  return [
    facts.length === 0 ? predictor : `${predictor} (${facts.join(", ")})`,
    ...valueLines(inputs, "  "),
    ...(outputs === undefined ? [] : valueLines(outputs, "  -> ")),
    ...(error === undefined ? [] : [`  !! ${error.code ?? "error"}: ${short(error.message)}`]),
  ];
}

function toolLines({ name, arguments: given, result, error }: TraceTool): string[] {
  const outcome = error === undefined ? `-> ${shown(result)}` : `!! ${short(error)}`;
  return [`${name}(${shown(given)})`, `  ${outcome}`];
}

function valueLines(values: unknown, before: string): string[] {
  if (typeof values !== "object" || values === null) return [`${before}${shown(values)}`];
  return Object.entries(values).map(([name, value]) => `${before}${name}: ${shown(value)}`);
}

const shown = (value: unknown): string => short(jsonText(value));

function short(text: string): string {
  return text.length > shownLength ? `${text.slice(0, shownLength).toWellFormed()}...` : text;
}
