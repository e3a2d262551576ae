/** The real machine as a scheduler: monotonic time, Node's timers, Math.random. An adapter. */
import type { Scheduler } from "./scheduler.ts";

export const realScheduler: Scheduler = {
  nowMs: () => performance.now(),
  after(delayMs, run, keepAlive = false) {
    if (delayMs <= 0 && !keepAlive) {
      const immediate = setImmediate(run);
      immediate.unref();
      return () => clearImmediate(immediate);
    }
    const timer = setTimeout(run, delayMs);
    if (!keepAlive) timer.unref();
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
};
