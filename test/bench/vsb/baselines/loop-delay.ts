/**
 * The event-loop delay that exporters show: the p99 of `monitorEventLoopDelay`, read and reset every 10 s. A
 * stall is one sample of a thousand to it, however long it lasts.
 */
import type { Detection, Observed } from "../recording.ts";

const LIMIT_MS = 30;

export function loopDelayAlert({ loops }: Observed): Detection[] {
  return loops
    .filter(({ p99Ms }) => p99Ms > LIMIT_MS)
    .map(({ tier, startMs, endMs }) => ({
      ...{ startMs, endMs, knownMs: endMs, class: "fault", explained: null },
      suspects: [{ tier, cause: "run" }],
    }));
}
