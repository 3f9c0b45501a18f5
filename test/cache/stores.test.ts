import { describe, test } from "vitest";
import { DiskStore } from "../../src/cache/disk-store.ts";
import { MemoryStore } from "../../src/cache/memory-store.ts";
import { storeContract } from "../../src/testing/store-contract.ts";
import { folder } from "./folders.ts";

storeContract("memory", (clock) => new MemoryStore({ clock }), { describe, test });

storeContract(
  "disk",
  (clock) => {
    const directory = folder();
    const open = () =>
      new DiskStore({
        clock,
        directory,
        warn: (message) => {
          throw new Error(`a warning: ${message}`);
        },
      });
    return { store: open(), reopen: open };
  },
  { describe, test },
);
