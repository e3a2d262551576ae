/** The real clock and timers of the machine, for ingest: one of the adapter files that may ask for them. */
import { AnchoredClock, machineTime, type PhysicalClock } from "../../agent/kernel/index.ts";
import type { IngestTimers } from "./timers.ts";

/** `clock` is shared with the rest of the collector where there is one. */
export function nodeIngestTimers(clock: PhysicalClock = new AnchoredClock()): IngestTimers {
  return {
    wallMs: () => machineTime.wallMs(),
    monotonicMs: () => machineTime.monotonicMs(),
    now: () => clock.now(),
    after: (ms, wake) => {
      const timer = setTimeout(wake, ms).unref();
      return () => clearTimeout(timer);
    },
    turn: () => new Promise((resolve) => setImmediate(resolve)),
  };
}
