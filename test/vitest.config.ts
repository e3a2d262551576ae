/** Vitest's settings; run as `vitest run --config test/vitest.config.ts`. */
import { resolve } from "node:path";
import { defineConfig } from "vitest/config";

export default defineConfig({
  root: resolve(import.meta.dirname, ".."),
  test: {
    // dist holds compiled copies; only the sources under test/ are tests.
    include: ["test/**/*.test.{ts,tsx}"],
    setupFiles: ["test/support/seed.ts"],
    // Starts nothing by itself: a Kafka broker when the first test asks for one.
    globalSetup: ["test/support/kafka/global-setup.ts"],
    // A bound for hangs, not a measure: two busy cores must not fail a test that starts processes.
    testTimeout: 20_000,
    hookTimeout: 20_000,
  },
});
