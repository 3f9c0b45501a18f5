import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";

const root = join(import.meta.dirname, "..", "..");
const source = (file: string): string => JSON.stringify(join(root, "src/signature", file));

/** As many fields as make about `length` characters, each with a name of its own. */
function side(length: number, field: (i: number) => string): string {
  let text = field(0);
  for (let i = 1; text.length + field(i).length + 2 <= length; i++) text += `, ${field(i)}`;
  return text;
}

const long = side(980, (i) => `field_number_${i}: ${i % 2 === 0 ? "string[]" : "{ a: int, b?: 'x' | 'y' }"}`);
const short = side(980, (i) => `f${i}`);
const dense = side(1_200, (i) => `f${i}?:int[]`).replaceAll(", ", ",");
const shape = `a -> b: {\n${Array.from({ length: 40 }, (_, i) => `${" ".repeat(16)}m${i}: int`).join(",\n")}\n}[]`;
const choices = Array.from({ length: 90 }, (_, i) => `'c${i}'`).join(" | ");
const tooLong = side(1_700, (i) => `field_number_${i}`);

/** Texts at the edge of what the compiler reads, and far behind it. */
const edges = `
import type { InferSignature } from ${source("infer.ts")};
import type { Same } from ${JSON.stringify(join(root, "test/signature/table.ts"))};
type Any = Record<string, unknown>;
type Yes<T extends true> = T;
type Long = InferSignature<${JSON.stringify(`${long} -> ${long}`)}>;
export type Edges = [
  Yes<Same<Long["inputs"]["field_number_0"], string[]>>,
  Yes<Same<Long["outputs"]["field_number_3"], { a: number; b?: "x" | "y" }>>,
  Yes<Same<InferSignature<${JSON.stringify(`${short} -> ${dense}`)}>["outputs"]["f99"], number[] | undefined>>,
  Yes<Same<InferSignature<${JSON.stringify(`a -> b: ${choices}`)}>["outputs"]["b"] & "c89", "c89">>,
  Yes<Same<InferSignature<${JSON.stringify(`a "${"long ".repeat(1_000)}" -> b: int 'too'`)}>["outputs"], { b: number }>>,
  Yes<Same<InferSignature<${JSON.stringify(`a -> b: ${"(".repeat(15)}int${")".repeat(15)}`)}>["outputs"], { b: number }>>,
  Yes<Same<InferSignature<${JSON.stringify(shape)}>["outputs"]["b"][0]["m39"], number>>,
  Yes<Same<InferSignature<${JSON.stringify(`${tooLong} -> b`)}>, { inputs: Any; outputs: Any }>>,
  Yes<Same<InferSignature<${JSON.stringify(`a -> ${tooLong}`)}>, { inputs: Any; outputs: Any }>>,
  Yes<Same<InferSignature<${JSON.stringify(`a -> b: ${"'x' | ".repeat(500)}'y'`)}>, { inputs: Any; outputs: Any }>>,
  Yes<Same<InferSignature<${JSON.stringify(`${"a, ".repeat(30_000)}b -> c`)}>, { inputs: Any; outputs: Any }>>,
];
`;

/** The compiler's message shows a type as an editor does. */
const hover = `
import { signature } from ${source("make.ts")};
export const shown: number = signature("question, hint? -> person: { name, born?: int }, sure: boolean");
`;

test.each([
  ["TypeScript 7", "typescript"],
  ["TypeScript 5.9", "typescript-5"],
])(
  "R21: types hold, errors are found and hover types are readable under %s",
  async (_, compiler) => {
    const folder = await mkdtemp(join(tmpdir(), "trunkline-types-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const config = {
      extends: join(root, "tsconfig.json"),
      compilerOptions: { typeRoots: [join(root, "node_modules/@types")] },
      include: ["*.ts", join(root, "test/signature/table.ts"), join(root, "test/signature/types.ts")],
    };
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify(config));
    await writeFile(join(folder, "package.json"), '{ "type": "module" }');
    await writeFile(join(folder, "edges.ts"), edges);
    await writeFile(join(folder, "hover.ts"), hover);
    const said = await compile(compiler, folder);
    // Nothing but the one message that was asked for. The compilers order members differently.
    expect(said.trim().split("\n")).toEqual([
      expect.stringMatching(/hover\.ts\S+ error TS2322: Type 'Signature<\{/),
    ]);
    expect(said).not.toMatch(/Flat|Infer|&|\.\.\./);
    const members = said.match(/\w+\??: \w[\w |]*/g) ?? [];
    expect(members).toEqual(
      expect.arrayContaining([
        "question: string",
        "hint?: string | undefined",
        "name: string",
        "born?: number | undefined",
        "sure: boolean",
      ]),
    );
  },
  120_000,
);

/** What a compiler says of a folder. */
function compile(compiler: string, folder: string): Promise<string> {
  const tsc = join(root, "node_modules", compiler, "bin", "tsc");
  return new Promise((resolve) => {
    execFile(process.execPath, [tsc, "-p", folder], (_, stdout, stderr) => resolve(stdout + stderr));
  });
}
