/** A row of the house: rooms that may import the rooms named, or every room in a lower row. */
export interface Row {
  readonly row: number;
  readonly rooms: readonly string[];
  readonly mayImport: readonly string[] | "rows below";
}

/** The one list of who may import whom. A room is a folder of `src/`, or a file directly in it. */
export const rows: readonly Row[] = [
  { row: 9, rooms: ["cli"], mayImport: "rows below" },
  {
    row: 8,
    rooms: ["index.ts", "gateway", "distributed", "redis", "sdk", "ai-sdk", "otel", "testing"],
    mayImport: "rows below",
  },
  { row: 7, rooms: ["optimizers"], mayImport: ["evaluate", "program", "lm", "core"] },
  { row: 6, rooms: ["evaluate"], mayImport: ["program", "core"] },
  { row: 5, rooms: ["program"], mayImport: ["adapter", "lm", "signature", "core"] },
  { row: 4, rooms: ["lm"], mayImport: ["trunk.ts", "core"] },
  {
    row: 4,
    rooms: ["trunk.ts"],
    mayImport: ["events", "cache", "admission", "clients", "drivers", "transport", "core"],
  },
  { row: 3, rooms: ["drivers"], mayImport: ["wire", "transport", "clients", "core"] },
  { row: 3, rooms: ["adapter"], mayImport: ["signature", "core"] },
  { row: 2, rooms: ["events", "cache", "admission"], mayImport: ["core"] },
  { row: 2, rooms: ["clients"], mayImport: ["transport", "core"] },
  { row: 1, rooms: ["wire", "transport", "signature"], mayImport: ["core"] },
  { row: 0, rooms: ["core"], mayImport: [] },
];

/** Something that only a few places may touch. */
export interface Door {
  readonly name: string;
  /** Folders (with a slash at the end) and files under `src/` that may. */
  readonly places: readonly string[];
  /** Globals, whole (`fetch`) or one member (`Date.now`); `new Date()` is the one without arguments. */
  readonly globals?: readonly string[];
  /** Members of a global that may be used anywhere, when the rest of it may not. */
  readonly harmless?: readonly string[];
  /** Modules, by exact name. */
  readonly modules?: readonly string[];
  /** Names that may not be imported or called, whatever they belong to. */
  readonly names?: readonly string[];
}

/** What goes through few doors, and where the doors are. */
export const doors: readonly Door[] = [
  {
    name: "time",
    places: ["core/clock.ts", "testing/", "cli/"],
    globals: ["Date.now", "new Date()", "performance", "setTimeout", "setInterval", "setImmediate"],
    modules: ["node:timers", "node:timers/promises", "node:perf_hooks"],
  },
  { name: "time", places: [], globals: ["AbortSignal.timeout"] },
  { name: "chance", places: ["core/clock.ts", "testing/", "cli/"], globals: ["Math.random"] },
  {
    name: "the environment",
    places: ["core/env.ts", "cli/"],
    globals: ["process.env"],
  },
  {
    name: "the process",
    places: ["core/env.ts", "testing/provider-process.ts", "cli/"],
    globals: ["process"],
    harmless: ["env", "platform", "arch", "version", "versions", "nextTick"],
    modules: ["node:process"],
  },
  {
    name: "sockets",
    places: ["transport/", "testing/", "cli/"],
    globals: ["fetch", "WebSocket", "EventSource"],
    modules: [
      "node:net",
      "node:tls",
      "node:http",
      "node:https",
      "node:http2",
      "node:dns",
      "node:dns/promises",
      "node:dgram",
      "undici",
    ],
  },
  {
    name: "the disk",
    places: [
      "cache/disk-check.ts",
      "cache/disk-folder.ts",
      "cache/disk-gate.ts",
      "cache/disk-store.ts",
      "cache/disk-table.ts",
      "program/state-file.ts",
      "lm/results-file.ts",
      "transport/budget.ts",
      "testing/",
      "cli/",
    ],
    modules: ["node:fs", "node:fs/promises", "node:sqlite", "lmdb"],
  },
  {
    name: "other processes and threads",
    places: ["testing/", "cli/"],
    modules: ["node:child_process", "node:worker_threads", "node:cluster"],
  },
  { name: "the console", places: ["cli/"], globals: ["console"], modules: ["node:console"] },
  {
    name: "what belongs to the whole process",
    places: [],
    names: ["setGlobalDispatcher", "setGlobalOrigin", "setDefaultCACertificates"],
  },
  { name: "code made from text", places: [], globals: ["eval", "Function"], modules: ["node:vm"] },
];
