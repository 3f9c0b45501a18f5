import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

/**
 * Times the compiler on typical three-field signatures, each used so that its types are really asked for:
 *
 *     node bench/programs/types.ts [--signatures 500] [--rounds 5] [--compiler typescript]
 *
 * It prints the median of the rounds in seconds, a file without signatures beside it, and the compiler's memory.
 */

const root = join(import.meta.dirname, "..", "..");
const { values } = parseArgs({
  options: {
    signatures: { type: "string", default: "500" },
    rounds: { type: "string", default: "5" },
    compiler: { type: "string", default: "typescript" },
  },
});
const rounds = Number(values.rounds);

/** Of three fields each, as programs have them; every one differs, so that nothing is read from a memory. */
const shapes: readonly ((i: number) => readonly [string, string])[] = [
  (i) => [`question${i}, context: string[] -> answer`, "answer"],
  (i) => [`sentence${i}, hint? -> emotion: 'joy' | 'anger' | 'fear ${i}'`, "emotion"],
  (i) => [`document${i} -> facts: list[str], score: float`, "facts"],
  (i) => [`text${i}: str "what to read" -> people: { name: string, age?: int }[], sure: bool`, "people"],
  (i) => [`query${i}, limit: int -> rows: dict[str, Optional[int]]`, "rows"],
];

function program(count: number): string {
  const lines = Array.from({ length: count }, (_, i) => {
    const [text, output] = shapes[i % shapes.length]!(i);
    return `const s${i} = signature(${JSON.stringify(text)});\nexport const o${i} = (got: OutputsOf<typeof s${i}>) => got.${output};`;
  });
  const from = JSON.stringify(join(root, "src/signature/make.ts"));
  return `import { type OutputsOf, signature } from ${from};\nvoid signature;\nexport type { OutputsOf };\n${lines.join("\n")}\n`;
}

interface Round {
  readonly seconds: number;
  readonly megabytes: number;
}

async function compile(folder: string): Promise<Round> {
  const tsc = join(root, "node_modules", values.compiler, "bin", "tsc");
  const started = performance.now();
  const said = await new Promise<string>((resolve, reject) => {
    execFile(process.execPath, [tsc, "-p", folder, "--extendedDiagnostics"], (error, stdout) =>
      error === null ? resolve(stdout) : reject(new Error(stdout)),
    );
  });
  const seconds = (performance.now() - started) / 1_000;
  return { seconds, megabytes: Number(/Memory used:\s+(\d+)K/.exec(said)?.[1]) / 1_024 };
}

async function measure(count: number): Promise<Round> {
  const folder = await mkdtemp(join(tmpdir(), "trunkline-bench-types-"));
  try {
    const config = {
      extends: join(root, "tsconfig.json"),
      compilerOptions: { typeRoots: [join(root, "node_modules/@types")] },
      include: ["*.ts"],
    };
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify(config));
    await writeFile(join(folder, "package.json"), '{ "type": "module" }');
    await writeFile(join(folder, "program.ts"), program(count));
    const all: Round[] = [];
    for (let i = 0; i < rounds; i++) all.push(await compile(folder));
    return all.sort((a, b) => a.seconds - b.seconds)[Math.floor(rounds / 2)]!;
  } finally {
    await rm(folder, { recursive: true });
  }
}

const count = Number(values.signatures);
const without = await measure(0);
const withAll = await measure(count);
const show = ({ seconds, megabytes }: Round): string => `${seconds.toFixed(2)} s, ${megabytes.toFixed(0)} MB`;
console.log(`${values.compiler}, median of ${rounds} rounds`);
console.log(`without signatures:    ${show(without)}`);
console.log(`with ${count} signatures:   ${show(withAll)}   (target: 3 s)`);
