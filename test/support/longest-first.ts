/**
 * The order of test files: those that start processes or a browser take longest, and begin first, so that at
 * the end no worker is left with one of them while the others have nothing to do. Among equals the
 * larger file first, or, where an earlier run is remembered, the longer one.
 */
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Folders and files that take tens of seconds, the longest first. */
const LONG: readonly string[] = [
  "test/faults/simulate",
  "test/faults/",
  "test/e2e/",
  "test/readme",
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
