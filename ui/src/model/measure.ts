/**
 * Measuring a stretch of time: its length, and what happened in it. Ends snap to the nearest event on
 * any lane, since that is what is meant; Alt leaves them where the pointer is.
 */
import type { Hlc } from "../../../agent/kernel/index.ts";
import type { EventsJson } from "../../../collector/api/shapes.ts";
import { type ApiReader, hexOf } from "../api/client.ts";
import { clampTicks, type TimeScale, type Viewport } from "../scale/time-scale.ts";
import type { LaneLayout } from "./lane-layout.ts";
import { lowerBound, type TimelineFacts } from "./timeline-facts.ts";

/** An event nearer than this takes the end of the measure to itself. */
export const SNAP_PX = 6;
/** Requests read for the percentiles. */
const MAX_REQUESTS = 10_000;

/** `x` as a time: that of the nearest event within `SNAP_PX`, else its own. */
export function snapped(
  timeline: TimelineFacts | null,
  layout: LaneLayout,
  scale: TimeScale,
  x: number,
): Hlc {
  let best: Hlc = scale.t(x);
  let distance = SNAP_PX;
  for (const { nodes } of layout.lanes) {
    for (const { node } of nodes) {
      const times = timeline?.lanes.get(node)?.exact?.times;
      if (times === undefined) continue;
      const place = lowerBound(times, scale.t(x));
      for (const t of [times[place - 1], times[place]]) {
        if (t === undefined) continue;
        const away = Math.abs(scale.x(t) - x);
        if (away < distance) {
          distance = away;
          best = t as Hlc;
        }
      }
    }
  }
  return best;
}

export interface Measured {
  /** Requests that ended in the stretch. */
  readonly requestCount: number;
  /** More requests than are read: the percentiles are of the first. */
  readonly isShortened: boolean;
  /** Microseconds; null where no request ended. */
  readonly residence: {
    readonly minUs: number;
    readonly p50Us: number;
    readonly p95Us: number;
    readonly p99Us: number;
    readonly maxUs: number;
  } | null;
}

/** @throws ApiFailure as the client does. */
export async function measure(
  client: ApiReader,
  { from, to }: Viewport,
  signal: AbortSignal,
): Promise<Measured> {
  const { events, next } = await client.get<EventsJson>(
    "/api/events",
    { from: hexOf(from), to: hexOf(to), kind: "request", limit: MAX_REQUESTS },
    signal,
  );
  const all = events.map((line) => Number(line["residenceUs"])).sort((a, b) => a - b);
  const rank = (share: number) => all[Math.max(0, Math.ceil(share * all.length) - 1)] as number;
  return {
    requestCount: all.length,
    isShortened: next !== undefined,
    residence:
      all.length === 0
        ? null
        : {
            minUs: all[0] as number,
            ...{ p50Us: rank(0.5), p95Us: rank(0.95), p99Us: rank(0.99), maxUs: rank(1) },
          },
  };
}

/** Events in the stretch as the timeline on screen knows them; about, where it has buckets only. */
export function eventsIn(
  timeline: TimelineFacts,
  { from, to }: Viewport,
): { readonly count: number; readonly isExact: boolean } {
  let count = 0;
  for (const { exact, buckets } of timeline.lanes.values()) {
    if (exact !== null) {
      const end = lowerBound(exact.times, to + 1);
      for (let i = lowerBound(exact.times, from); i < end; i += 1) {
        count += exact.counts[i] as number;
      }
      continue;
    }
    const end = lowerBound(buckets.starts, to + 1);
    for (let i = lowerBound(buckets.starts, from); i < end; i += 1) {
      count +=
        (buckets.changes[i] as number) +
        (buckets.messages[i] as number) +
        (buckets.requests[i] as number) +
        (buckets.marks[i] as number);
    }
  }
  const isKnown = timeline.missing.every((part) => part.to < from || part.from > to);
  return { count, isExact: timeline.exact && isKnown };
}

/** The stretch between two times, whichever is the earlier; a tick long at least. */
export function stretchOf(a: Hlc, b: Hlc): Viewport {
  const from = Math.min(a, b) as Hlc;
  return { from, to: clampTicks(Math.max(a, b, from + 1)) };
}
