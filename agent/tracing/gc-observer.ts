/**
 * V8's pauses, as Node's observer tells them: in lists, some time after, all of which are read (reading the first
 * only would lose three of four). An adapter.
 */
import { constants, type PerformanceEntry, PerformanceObserver } from "node:perf_hooks";
import { getHeapStatistics } from "node:v8";
import type { GcPause } from "./load-recorder.ts";

/** What Node adds to an entry of garbage collection. */
interface GcEntry extends PerformanceEntry {
  readonly detail?: { readonly kind?: number };
}

const KINDS: ReadonlyMap<number | undefined, string> = new Map([
  [constants.NODE_PERFORMANCE_GC_MINOR, "minor"],
  [constants.NODE_PERFORMANCE_GC_MAJOR, "major"],
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL, "incremental"],
  [constants.NODE_PERFORMANCE_GC_WEAKCB, "weak"],
]);

/**
 * Tells `take` of each pause, in monotonic microseconds.
 * @param zeroUs when `performance.now()` was 0, by that clock
 * @returns ends it; what Node has not told by then is lost
 */
export function observeGc(
  zeroUs: number,
  take: (pause: GcPause) => void,
  onError: (error: unknown) => void,
): () => void {
  const tell = (entries: readonly PerformanceEntry[]): void => {
    try {
      const heapBytes = getHeapStatistics().used_heap_size;
      for (const entry of entries as readonly GcEntry[]) {
        take({
          startUs: Math.floor(zeroUs + entry.startTime * 1_000),
          lengthUs: Math.ceil(entry.duration * 1_000),
          kind: KINDS.get(entry.detail?.kind) ?? "other",
          heapBytes,
        });
      }
    } catch (error) {
      onError(error);
    }
  };
  const observer = new PerformanceObserver((list) => tell(list.getEntries()));
  observer.observe({ entryTypes: ["gc"] });
  return () => observer.disconnect();
}
