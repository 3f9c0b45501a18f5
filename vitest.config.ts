import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Generous: it catches what hangs, and is no measure of speed.
    testTimeout: 30_000,
    hookTimeout: 120_000,
    // No folder can be made there: tests keep answers in memory, and never in the cache of whoever runs them.
    env: { TRUNKLINE_CACHE_DIR: "/dev/null/none" },
  },
});
