import type * as CacheRoom from "../../src/cache/cache.ts";
import type * as DiskStoreFile from "../../src/cache/disk-store.ts";
import type * as KeyFile from "../../src/cache/key.ts";
import type * as StoreFile from "../../src/cache/store.ts";
import type * as CallFile from "../../src/core/call.ts";
import type * as ClockFile from "../../src/core/clock.ts";
import type * as CompletionFile from "../../src/core/completion.ts";
import type * as RequestFile from "../../src/core/request.ts";

// What is measured is the built package: Node's stripping of types would be measured along with the sources.
const dist = new URL("../../dist/", import.meta.url);

type Rooms = typeof CacheRoom &
  typeof DiskStoreFile &
  typeof KeyFile &
  typeof StoreFile &
  typeof CallFile &
  typeof ClockFile &
  typeof CompletionFile &
  typeof RequestFile;

const files = [
  "cache/cache.js",
  "cache/disk-store.js",
  "cache/key.js",
  "cache/store.js",
  "core/call.js",
  "core/clock.js",
  "core/completion.js",
  "core/request.js",
];

/** The rooms that are measured, past the package's door. */
export async function rooms(): Promise<Rooms> {
  const modules = await Promise.all(files.map((file) => import(new URL(file, dist).href)));
  return Object.assign({}, ...modules) as Rooms;
}
