import { writeSync } from "node:fs";
import { systemClock } from "../../src/core/clock.ts";
import { eachRow } from "../../src/lm/rows.ts";

/** Works through a thousand rows with the results file that it is given, and says which are finished. */
const [, , file] = process.argv;
const work = async (n: number): Promise<number> => {
  await new Promise((resolve) => setTimeout(resolve, 1));
  return n * 2;
};
const options = { resultsFile: file!, concurrency: 7, ordered: false };
const rows = eachRow(systemClock, [...Array(1000).keys()], work, options, {
  identity: () => ({ run: "test" }),
});
let finished = 0;
try {
  for await (const { index } of rows) {
    finished++;
    writeSync(1, `${index}\n`);
  }
} catch (error) {
  const { code, message } = error as { code: string; message: string };
  writeSync(2, `${code}: ${message}\nrows ${finished}\n`);
}
