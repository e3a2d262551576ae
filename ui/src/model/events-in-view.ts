/**
 * How many events a view shows, without looking at each again: sums up to every place are made once
 * for an answer, and a view is the difference of two.
 */
import type { Viewport } from "../scale/time-scale.ts";
import { eventsIn, type LaneFacts, lowerBound, type TimelineFacts } from "./timeline-facts.ts";

interface Sums {
  /** Ascending times, and the events before each. */
  readonly times: Float64Array;
  readonly before: Float64Array;
}

const kept = new WeakMap<TimelineFacts, readonly Sums[]>();

/** Counted by cell where the collector counted: a cell belongs to where it begins. */
export function eventsInView(timeline: TimelineFacts, { from, to }: Viewport): number {
  let sums = kept.get(timeline);
  if (sums === undefined) {
    sums = [...timeline.lanes.values()].map(sumsOf);
    kept.set(timeline, sums);
  }
  return sums.reduce((count, one) => count + upTo(one, to + 1) - upTo(one, from), 0);
}

function sumsOf({ exact, buckets }: LaneFacts): Sums {
  const times = exact?.times ?? buckets.starts;
  const before = new Float64Array(times.length + 1);
  for (let i = 0; i < times.length; i += 1) {
    const count = exact === null ? eventsIn(buckets, i) : (exact.counts[i] as number);
    before[i + 1] = (before[i] as number) + count;
  }
  return { times, before };
}

function upTo({ times, before }: Sums, t: number): number {
  return before[lowerBound(times, t)] as number;
}
