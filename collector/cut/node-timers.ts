/** Real time for the cut engine. One of the adapter files that may read clocks and set timers. */
import type { CutTimers } from "./timers.ts";

export const nodeTimers: CutTimers = {
  nowMs: () => Date.now(),
  after(ms, wake) {
    const timer = setTimeout(wake, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
  turn: () => new Promise((resolve) => setImmediate(resolve)),
};
