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

/** Each slice has twice as many events as the one before; of the largest, so many. */
const MOST_EVENTS = 1_048_576;
/**
 * Blocks at both ends of a slice are decoded by its neighbours, too: slices are so many times as large as
 * those, up to so many bytes.
 */
const WORTH_ENDS = 4;
const MOST_BYTES: number = 32 * 1024 * 1024;
/** A slice that turned too often is followed by one so much smaller. */
const FULL_SHARE = 4;
/** Of several threads each gets at least so many of a stretch, as they should end together. */
const SLICES_PER_WORKER = 4;
/** Slices read before the one that is waited for is done, per thread. */
const AHEAD = 2;

export interface PlainSearchOptions {
  readonly columns: Pick<ColumnFeed, "slice">;
  readonly slices: OpenSlices;
  readonly stretch: PlainStretch;
  /** Ticks by which a slice begins earlier than what it tells of. Default: 0. */
  readonly lead?: number;
  /** Events of the first slice, about. */
  readonly firstEvents: number;
  /** Takes what was found, in order; true: enough. */
  readonly pass: (result: SliceResult) => Promise<boolean>;
  readonly signal?: AbortSignal;
}

/** How far it came: the end of the stretch, or where it turned out not to be plain, or where it was enough. */
export async function searchPlain(options: PlainSearchOptions): Promise<Hlc> {
  const { columns, slices, stretch, lead = 0, firstEvents, pass, signal } = options;
  const { to } = stretch;
  const underWay: { readonly end: Hlc; readonly result: Promise<SliceResult> }[] = [];
  let reached = stretch.after;
  let read = stretch.after;
  let events = firstEvents;
  let isReadable = true;
  try {
    for (;;) {
      while (isReadable && read < to && underWay.length < AHEAD * slices.workers) {
        const slice = await columns.slice((read - lead) as Hlc, to, events, signal);
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
 * How many slices a stretch of so many events will be cut into, about, where they come evenly from not too
 * many nodes and the condition does not turn too often: for EXPLAIN.
 */
export function sliceCountOf(eventCount: number, firstEvents: number, workers: number): number {
  let left = eventCount;
  let events = firstEvents;
  let count = 1;
  while (left > events * 1.5) {
    left -= events;
    count += 1;
    const wanted = Math.min(events * 2, MOST_EVENTS);
    const share = workers === 1 ? wanted : left / (workers * SLICES_PER_WORKER);
    events = Math.max(firstEvents, Math.min(wanted, share));
  }
  return count;
}

/** Twice as much, but not so much that some thread goes without, nor so little that ends prevail. */
function nextSize(
  events: number,
  { after, to, eventCount, partEventCount, parts }: ColumnSlice,
  end: Hlc,
  workers: number,
): number {
  const atEnds = Math.max(0, partEventCount - eventCount);
  const byteCount = parts.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const bytesPerEvent = byteCount / Math.max(1, partEventCount);
  const worthwhile = Math.min(atEnds * WORTH_ENDS, MOST_BYTES / Math.max(0.01, bytesPerEvent));
  const wanted = Math.min(Math.max(events * 2, worthwhile), Math.max(MOST_EVENTS, worthwhile));
  if (workers === 1) return wanted;
  const rate = eventCount / Math.max(1, to - after);
  const share = (rate * (end - to)) / (workers * SLICES_PER_WORKER);
  return Math.min(wanted, Math.max(share, atEnds));
}
