/** The scheduler on virtual time that users get too, and a source of chance from a seed. */
import { ManualScheduler } from "../../agent/testing/manual-scheduler.ts";

export { ManualScheduler as VirtualScheduler };

/** Mulberry32: the same numbers for the same seed. */
export function seededRandom(seed: number): () => number {
  const source = new ManualScheduler(seed);
  return () => source.random();
}
