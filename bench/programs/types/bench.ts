import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Bench, type BenchResult, target } from "../../lib/bench.ts";
import { median, medians } from "../../lib/median.ts";
import { count, fixed, type Table } from "../../lib/table.ts";

// Times the compiler on typical three-field signatures, each used so that its types are really asked for.

const root = join(import.meta.dirname, "..", "..", "..");
const signatures = 500;

/** Where each compiler lies, the one that the target is set for first. */
const compilers = { "TypeScript 7": "typescript", "TypeScript 5.9": "typescript-5" } as const;
type Compiler = keyof typeof compilers;

/** Of three fields each, as programs have them; every one differs, so that nothing is read from a memory. */
const shapes: readonly ((i: number) => readonly [string, string])[] = [
  (i) => [`question${i}, context: string[] -> answer`, "answer"],
  (i) => [`sentence${i}, hint? -> emotion: 'joy' | 'anger' | 'fear ${i}'`, "emotion"],
  (i) => [`document${i} -> facts: list[str], score: float`, "facts"],
  (i) => [`text${i}: str "what to read" -> people: { name: string, age?: int }[], sure: bool`, "people"],
  (i) => [`query${i}, limit: int -> rows: dict[str, Optional[int]]`, "rows"],
];

interface Round {
  readonly seconds: number;
  /** What the compiler says it took. */
  readonly megabytes: number;
}

interface Measured {
  readonly without: readonly Round[];
  readonly withAll: readonly Round[];
}
type All = Readonly<Record<Compiler, Measured>>;

export const bench: Bench = {
  title: "Programs: signatures through the compiler",
  async run({ quick, say }): Promise<BenchResult> {
    const rounds = quick ? 3 : 9;
    const measured = {} as Record<Compiler, Measured>;
    for (const compiler of Object.keys(compilers) as Compiler[]) {
      say(compiler);
      measured[compiler] = await measure(compiler, rounds);
    }
    const seconds = median(measured["TypeScript 7"].withAll.map((round) => round.seconds));
    return {
      tables: [tableOf(measured, rounds)],
      targets: [
        target(`seconds of TypeScript 7 for ${signatures} signatures of three fields`, seconds, { most: 3 }),
      ],
      data: { signatures, measured },
    };
  },
};

/** A file with all signatures and one with none, in turns. */
async function measure(compiler: Compiler, rounds: number): Promise<Measured> {
  const folders = [await project(0), await project(signatures)] as const;
  const measured = { without: [] as Round[], withAll: [] as Round[] };
  try {
    for (let i = 0; i < rounds; i++) {
      measured.without.push(await compile(compiler, folders[0]));
      measured.withAll.push(await compile(compiler, folders[1]));
    }
  } finally {
    for (const folder of folders) await rm(folder, { recursive: true });
  }
  return measured;
}

async function project(size: number): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "trunkline-bench-types-"));
  const config = {
    extends: join(root, "tsconfig.json"),
    compilerOptions: { typeRoots: [join(root, "node_modules/@types")] },
    include: ["*.ts"],
  };
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify(config));
  await writeFile(join(folder, "package.json"), '{ "type": "module" }');
  await writeFile(join(folder, "program.ts"), program(size));
  return folder;
}

function program(size: number): string {
  const lines = Array.from({ length: size }, (_, i) => {
    const [text, output] = shapes[i % shapes.length]!(i);
    return `const s${i} = signature(${JSON.stringify(text)});\nexport const o${i} = (got: OutputsOf<typeof s${i}>) => got.${output};`;
  });
  const from = JSON.stringify(join(root, "src/signature/make.ts"));
  return `import { type OutputsOf, signature } from ${from};\nvoid signature;\nexport type { OutputsOf };\n${lines.join("\n")}\n`;
}

async function compile(compiler: Compiler, folder: string): Promise<Round> {
  const tsc = join(root, "node_modules", compilers[compiler], "bin", "tsc");
  const started = performance.now();
  const said = await new Promise<string>((resolve, reject) => {
    execFile(process.execPath, [tsc, "-p", folder, "--extendedDiagnostics"], (error, stdout) =>
      error === null ? resolve(stdout) : reject(new Error(stdout)),
    );
  });
  const seconds = (performance.now() - started) / 1_000;
  return { seconds, megabytes: Number(/Memory used:\s+(\d+)K/.exec(said)?.[1]) / 1_024 };
}

function tableOf(all: All, rounds: number): Table {
  const rows = (Object.keys(compilers) as Compiler[]).map((compiler) => {
    const without = medians(all[compiler].without);
    const withAll = medians(all[compiler].withAll);
    return [
      compiler,
      fixed(withAll.seconds, 2),
      fixed(without.seconds, 2),
      fixed(((withAll.seconds - without.seconds) * 1_000) / signatures, 2),
      fixed(withAll.megabytes, 0),
      fixed(without.megabytes, 0),
    ];
  });
  return {
    title: `${count(signatures)} signatures of three fields, each one's outputs used`,
    head: ["", "s", "s without", "ms each", "MB", "MB without"],
    rows,
    notes: [
      `Medians of ${rounds} rounds by the clock, from the start of the compiler to its end, in turns; \`without\`: the same file without signatures.`,
    ],
  };
}
