/**
 * The real machine as a scheduler: monotonic time, Node's timers, Math.random. An adapter.
 *
 * Timers as they were when this was loaded. Tests of the host's put fakes in their place, and run all that there are
 * to their end: ours would have none, and the test would fail.
 */
import type { Scheduler } from "./scheduler.ts";

const { setTimeout, clearTimeout, setImmediate, clearImmediate } = globalThis;
const nowMs = performance.now.bind(performance);

export const realScheduler: Scheduler = {
  nowMs,
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
