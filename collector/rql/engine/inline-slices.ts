/** Goes through slices in the thread at hand: for tests, and for programs of one query. */
import type { ColumnSlice } from "../../cut/column-shapes.ts";
import { sliceRunOf } from "./slice-evaluation.ts";
import type { SliceResult } from "./slice-result.ts";
import type { OpenSlices, SliceSetup, SliceThreads } from "./slice-threads.ts";

export class InlineSlices implements SliceThreads {
  readonly workers: number = 1;

  open(setup: SliceSetup): OpenSlices {
    let isCancelled = false;
    const run = sliceRunOf(setup, () => isCancelled);
    return {
      workers: 1,
      run: (slice: ColumnSlice): Promise<SliceResult> => Promise.resolve(run.run(slice)),
      cancel(): void {
        isCancelled = true;
      },
      close(): void {},
    };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
