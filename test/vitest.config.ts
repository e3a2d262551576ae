/** Vitest's settings; run as `vitest run --config test/vitest.config.ts`. */
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { defaultExclude, defineConfig } from "vitest/config";
import { LongestFirst } from "./support/longest-first.ts";

/** Tests that leave alone what a process has only one of: what patches http, fetch or clocks needs its own. */
const SHARED = ["test/collector/**/*.test.ts", "test/ui/**/*.test.{ts,tsx}"];
/** Among them, what measures its process: memory or processor time, which other files would be part of. */
const ALONE = [
  "test/collector/api/cancelling-under-load.test.ts",
  "test/collector/api/query.test.ts",
  "test/collector/ingest/bombs.test.ts",
  "test/collector/ingest/memory-gate.test.ts",
  "test/collector/rql/hostile.test.ts",
];
/** CI has played all rows of it just before, and says so. */
const PLAYED =
  process.env["RETROSCOPE_AGENT_FAULTS"] === "played" ? ["test/faults/agent.test.ts"] : [];

export default defineConfig({
  root: resolve(import.meta.dirname, ".."),
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: "shared",
          include: SHARED,
          exclude: [...defaultExclude, ...ALONE],
          // One process for many files: modules are loaded, and get warm, once. Half the time.
          isolate: false,
        },
      },
      {
        extends: true,
        test: {
          name: "own",
          // dist holds compiled copies; only the sources under test/ are tests.
          include: ["test/*.test.ts", "test/!(collector|ui)/**/*.test.{ts,tsx}", ...ALONE],
          exclude: [...defaultExclude, ...PLAYED],
        },
      },
    ],
    setupFiles: ["test/support/seed.ts"],
    // Starts nothing by itself: a Kafka broker when the first test asks for one.
    globalSetup: ["test/support/kafka/global-setup.ts"],
    // As many files at a time as there are processors. Left alone, Vitest 4 takes one less, for its own
    // process, which does next to nothing here: on two processors that would be one file after the other.
    maxWorkers: availableParallelism(),
    sequence: { sequencer: LongestFirst },
    // Tests of one file that say they may run at the same time.
    maxConcurrency: 2,
    // A bound for hangs, not a measure: two busy cores must not fail a test that starts processes.
    testTimeout: 20_000,
    hookTimeout: 20_000,
  },
});
