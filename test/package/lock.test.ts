import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

interface Locked {
  readonly resolved?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const root = join(import.meta.dirname, "..", "..");

test.each(["package-lock.json", "test/package/consumer/package-lock.json"])(
  "%s holds no download addresses and the optional packages of every platform",
  (file) => {
    const { packages } = JSON.parse(readFileSync(join(root, file), "utf8"));
    const entries = Object.entries(packages as Readonly<Record<string, Locked>>);
    const absent = entries.flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter(
        (name) => !(`${path}/node_modules/${name}` in packages || `node_modules/${name}` in packages),
      ),
    );
    // npm leaves out what its registry does not know, and `npm ci` then refuses the file.
    expect(absent).toEqual([]);
    expect(entries.filter(([, entry]) => entry.resolved !== undefined).map(([path]) => path)).toEqual([]);
  },
);
