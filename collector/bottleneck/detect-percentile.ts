/**
 * Rule 1: a window's p99, or its maximum where it has fewer than 100 requests, above max(m + 4s, 2m) of the
 * same statistic at the same scale. It sees completions, so it comes after the stall: a flag reaches back by
 * the latency that was seen. With three requests or more over the limit it opens an episode by itself, unless
 * as many meet by chance where some are always that slow; else it only strengthens one.
 */
import { SLOT_US } from "../../agent/kernel/index.ts";
import type { Flag } from "./flags.ts";
import type { NodeView, TrackView } from "./node-view.ts";
import type { Interval } from "./recording.ts";
import type { LengthCount } from "./request-lengths.ts";
import { poissonTail, zOf } from "./robust.ts";
import { type BottleneckSettings, SLOT_MS } from "./settings.ts";

/** A flag reaches back so far at most: one download of minutes must not make one episode of them. */
const REACH_US = 2_000_000;

/** Flags of windows that begin in [from, until), slots. */
export function detectPercentile(view: NodeView, from: number, until: number): Flag[] {
  return view.operations.flatMap((operation) =>
    view.settings.percentileScales.flatMap((slots) => [
      ...ofScale(view, operation, slots, from, until),
    ]),
  );
}

function* ofScale(
  { node, settings }: NodeView,
  view: TrackView,
  slots: number,
  from: number,
  until: number,
): Generator<Flag, void, undefined> {
  for (const { slot } of view.track.windows(from, until + slots - 1, slots)) {
    if (slot >= until) break;
    const stat = view.latency(slot, slots);
    if (stat === undefined) continue;
    const usual = view.baselines.at(slot, view.latencySignal(stat.isP99), slots);
    if (usual === undefined) continue;
    const limit = Math.max(
      usual.median + settings.flagAt * usual.s,
      settings.latencyFactor * usual.median,
    );
    if (stat.us <= limit) continue;
    const flag = {
      ...{ rule: "percentile" as const, node, operation: view.operation, to: null },
      windowMs: slots * SLOT_MS,
      value: stat.us,
      median: usual.median,
      score: zOf(stat.us, usual),
    };
    const apartUs = settings.mergeMs * 1_000;
    for (const { startUs, endUs, first, last } of spansOf(view, slot, slots, limit, apartUs)) {
      const slowCount = view.track.latencies(first, last - first + 1).countAbove(limit);
      const isAlone = slowCount >= settings.alonePercentileRequests;
      yield {
        ...{ ...flag, startUs, endUs },
        opens: isAlone && !isByChance(view, settings, { slot, slots, limit, slowCount }),
      };
    }
  }
}

/** Whether so many requests over the limit in one window are no wonder, by how many there are of them in a minute. */
function isByChance(
  view: TrackView,
  settings: BottleneckSettings,
  {
    slot,
    slots,
    limit,
    slowCount,
  }: Readonly<Record<"slot" | "slots" | "limit" | "slowCount", number>>,
): boolean {
  const { baselineMs, baselineStepMs } = settings;
  const stepSlots = baselineStepMs / SLOT_MS;
  const until = Math.floor(slot / stepSlots) * stepSlots;
  const before = view.lengths.between(until - baselineMs / SLOT_MS, until);
  const sum = (counts: readonly LengthCount[]): number =>
    counts.reduce((total, { count }) => total + count, 0);
  const share = sum(before.filter(({ us }) => us > limit)) / Math.max(1, sum(before));
  const perSecond = view.baselines.rates(slot)?.completions ?? 0;
  const expected = (share * perSecond * slots * SLOT_MS) / 1_000;
  return poissonTail(slowCount, expected) >= settings.chanceProbability;
}

/** A stretch in which slow requests were under way, with the slots in which they departed. */
interface Span extends Interval {
  readonly first: number;
  readonly last: number;
}

/**
 * From when the first of the slow requests may have arrived, to when the last departed; apart where nothing slow
 * departed for long, as a window of a second may hold two stalls.
 */
function spansOf(
  { track }: TrackView,
  slot: number,
  slots: number,
  limitUs: number,
  apartUs: number,
): readonly Span[] {
  const spans: Span[] = [];
  for (let i = slot; i < slot + slots; i += 1) {
    const maxUs = track.window(i)?.maxResidenceUs ?? 0;
    if (maxUs <= limitUs) continue;
    const startUs = i * SLOT_US - Math.min(maxUs, REACH_US);
    const endUs = (i + 1) * SLOT_US;
    const last = spans.at(-1);
    if (last === undefined || startUs >= last.endUs + apartUs) {
      spans.push({ startUs, endUs, first: i, last: i });
    } else {
      const earliestUs = Math.min(last.startUs, startUs);
      spans[spans.length - 1] = { startUs: earliestUs, endUs, first: last.first, last: i };
    }
  }
  // A bucket that ends above the limit may hold values below it only.
  return spans.length > 0
    ? spans
    : [
        {
          ...{ startUs: slot * SLOT_US, endUs: (slot + slots) * SLOT_US },
          ...{ first: slot, last: slot + slots - 1 },
        },
      ];
}
