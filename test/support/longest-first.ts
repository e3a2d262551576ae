/**
 * The order of test files: those that start processes or a browser take longest, and begin first, so that at
 * the end no worker is left with one of them while the others have nothing to do. Among equals the
 * larger file first, or, where an earlier run is remembered, the longer one.
 */
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Folders and files that take ten seconds and more, the longest first. */
const LONG: readonly string[] = [
  "test/faults/simulate",
  "test/faults/",
  "test/e2e/",
  "test/readme",
  "test/agent/kernel/wire-fuzz",
  "test/collector/cli/cli",
  "test/collector/cut/not-captured",
  "test/collector/cut/cut-oracle",
  "test/agent/state/bounds",
];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => rankOf(a) - rankOf(b));
  }
}

function rankOf({ moduleId }: TestSpecification): number {
  const rank = LONG.findIndex((place) => moduleId.includes(`/${place}`));
  return rank < 0 ? LONG.length : rank;
}
