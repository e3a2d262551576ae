/**
 * Searches a plain stretch slice by slice: reads ahead, hands slices to threads, and passes on what they
 * find in order of time.
 *
 *     slices    | 1 | 2  |   3    |      4       | ...   the first is small, so that a row is soon there
 *     threads     1   3      4 ..
 *                 2     4
 *     passed on   1 2 3 4
 */
import type { Hlc } from "../../../agent/kernel/index.ts";
import type { ColumnFeed, ColumnSlice, PlainStretch } from "../../cut/column-shapes.ts";
import type { SliceResult } from "./slice-result.ts";
import type { OpenSlices } from "./slice-threads.ts";

/** Events of the largest slice. Each has twice as many as the one before. */
const MOST_EVENTS = 1_048_576;
/** A slice that turned too often is followed by one so much smaller. */
const FULL_SHARE = 4;
/** A thread gets at least so many of a stretch. */
const SLICES_PER_WORKER = 4;
/** Slices read before the one that is waited for is done, per thread. */
const AHEAD = 2;

export interface PlainSearchOptions {
  readonly columns: Pick<ColumnFeed, "slice">;
  readonly slices: OpenSlices;
  readonly stretch: PlainStretch;
  /** Events of the first slice, about. */
  readonly firstEvents: number;
  /** Takes what was found, in order; true: enough. */
  readonly pass: (result: SliceResult) => Promise<boolean>;
  readonly signal?: AbortSignal;
}

/** How far it came: the end of the stretch, or where it turned out not to be plain, or where it was enough. */
export async function searchPlain(options: PlainSearchOptions): Promise<Hlc> {
  const { columns, slices, stretch, firstEvents, pass, signal } = options;
  const { to } = stretch;
  const underWay: { readonly end: Hlc; readonly result: Promise<SliceResult> }[] = [];
  let reached = stretch.after;
  let read = stretch.after;
  let events = firstEvents;
  let isReadable = true;
  try {
    for (;;) {
      while (isReadable && read < to && underWay.length < AHEAD * slices.workers) {
        const slice = await columns.slice(read, to, events, signal);
        if (slice === undefined) {
          isReadable = false;
          break;
        }
        const result = slices.run(slice);
        // Whoever waits for it hears of a failure; but perhaps nobody comes to.
        result.catch(() => undefined);
        underWay.push({ end: slice.to, result });
        read = slice.to;
        events = Math.max(firstEvents, nextSize(events, slice, to, slices.workers));
        // The first result is waited for as soon as there is one: it may be all that is wanted.
        if (underWay.length >= slices.workers) break;
      }
      const next = underWay.shift();
      if (next === undefined) return reached;
      const result = await next.result;
      const isEnough = await pass(result);
      reached = result.reached;
      if (isEnough || (reached < next.end && !result.isFull)) return reached;
      if (reached === next.end) continue;
      // It turned too often to be told at once: on from there, with less.
      underWay.length = 0;
      read = reached;
      isReadable = true;
      events = Math.max(firstEvents, Math.floor(events / FULL_SHARE));
    }
  } finally {
    // What is left is wanted no more.
    underWay.length = 0;
  }
}

/**
 * How many slices a stretch of so many events will be cut into, about, where they come evenly and the
 * condition does not turn too often: for EXPLAIN.
 */
export function sliceCountOf(eventCount: number, firstEvents: number, workers: number): number {
  let left = eventCount;
  let events = firstEvents;
  let count = 1;
  while (left > events * 1.5) {
    left -= events;
    count += 1;
    const share = left / (workers * SLICES_PER_WORKER);
    events = Math.max(firstEvents, Math.min(events * 2, MOST_EVENTS, share));
  }
  return count;
}

/** Twice as much, but not so much that some thread goes without. */
function nextSize(
  events: number,
  { after, to, eventCount }: ColumnSlice,
  end: Hlc,
  workers: number,
): number {
  const rate = eventCount / Math.max(1, to - after);
  const share = (rate * (end - to)) / (workers * SLICES_PER_WORKER);
  return Math.min(events * 2, MOST_EVENTS, share);
}
