import { print } from "../lib/table.ts";
import { bench } from "./bench.ts";

/** Runs this benchmark alone, over what `npm run build` made: `node bench/duplicates/main.ts [--quick]`. */

const { tables, targets } = await bench.run({
  quick: process.argv.includes("--quick"),
  say: (text) => process.stderr.write(`${text}\n`),
});
console.log(tables.map(print).join("\n\n"));
for (const { what, wanted, reached, ok } of targets) {
  console.log(`${ok ? "met   " : "MISSED"}  ${what}: ${reached} (wanted ${wanted})`);
}
