/**
 * Rule 4: the oldest request in flight is older than twice the rolling p99 and than 20 ms. It is known
 * while the stall lasts. A stream or a long poll is always old: where age itself is usually beyond the
 * limit, it must be beyond what is usual of it as well.
 */
import { SLOT_US } from "../../agent/kernel/index.ts";
import type { Flag } from "./flags.ts";
import type { NodeView } from "./node-view.ts";
import type { Samples } from "./recording.ts";
import { type Usual, usualOf, zOf } from "./robust.ts";
import { SLOT_MS } from "./settings.ts";

const SIGNAL = "oldest-open";

/** Flags of samples taken in [from, until), slots. */
export function detectOldest(view: NodeView, from: number, until: number): Flag[] {
  const samples = view.recording.signals.get(SIGNAL);
  if (samples === undefined) return [];
  const { settings, node } = view;
  const stepMs = settings.baselineStepMs;
  const limits = new Map<number, { readonly limitUs: number; readonly usual: Usual } | undefined>();
  const flags: Flag[] = [];
  const first = firstAt(samples, from * SLOT_US);
  for (let i = first; i < samples.atUs.length; i += 1) {
    const atUs = samples.atUs[i] as number;
    if (atUs >= until * SLOT_US) break;
    const value = samples.values[i] as number;
    if (value <= settings.oldestFloorUs) continue;
    const step = Math.floor(atUs / 1_000 / stepMs) * stepMs;
    if (!limits.has(step)) limits.set(step, limitAt(view, samples, step));
    const known = limits.get(step);
    if (known === undefined || value <= known.limitUs) continue;
    flags.push({
      rule: "oldest",
      node,
      operation: null,
      to: null,
      // The window in which it became too old, which may be long over when the next sample is taken.
      startUs: atUs - Math.min(value - known.limitUs, settings.onsetBackMs * 1_000),
      endUs: atUs + 1,
      windowMs: SLOT_MS,
      value,
      median: known.usual.median,
      score: zOf(value, known.usual),
      opens: true,
    });
  }
  return flags;
}

function limitAt(
  view: NodeView,
  samples: Samples,
  stepMs: number,
): { readonly limitUs: number; readonly usual: Usual } | undefined {
  const { settings } = view;
  const endUs = stepMs * 1_000;
  const startUs = endUs - settings.baselineMs * 1_000;
  const ages: number[] = [];
  for (let i = firstAt(samples, startUs); i < samples.atUs.length; i += 1) {
    if ((samples.atUs[i] as number) >= endUs) break;
    ages.push(samples.values[i] as number);
  }
  const usual = usualOf(ages, {
    floor: settings.latencyFloorUs,
    floorShare: settings.latencyFloorShare,
    outlierAt: settings.flagAt,
    neighbours: 0,
  });
  // Of the slowest operation: whose the oldest is, the sample does not say.
  let p99Us = 0;
  for (const { track } of view.operations) {
    const slots = settings.baselineMs / SLOT_MS;
    const buckets = track.latencies(endUs / SLOT_US - slots, slots);
    if (buckets.total < settings.percentileFloorCount) continue;
    p99Us = Math.max(p99Us, buckets.percentile(99));
  }
  if (p99Us === 0 || usual === undefined) return undefined;
  const limitUs = Math.max(
    settings.oldestFactor * p99Us,
    settings.oldestFloorUs,
    usual.median + settings.flagAt * usual.s,
  );
  return { limitUs, usual };
}

/** The index of the first sample taken at `us` or later. */
export function firstAt({ atUs }: Samples, us: number): number {
  let low = 0;
  let high = atUs.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((atUs[middle] as number) < us) low = middle + 1;
    else high = middle;
  }
  return low;
}
