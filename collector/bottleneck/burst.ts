/**
 * Whether more came than usual. Counted over all of an episode, drain included: after a stall a backlog comes
 * at once, but over the whole of it no more came than always.
 */
import { SLOT_US } from "../../agent/kernel/index.ts";
import type { NodeView } from "./node-view.ts";
import type { Interval } from "./recording.ts";

/** Arrivals beyond the usual by less than so many standard deviations are chance. */
const CHANCE = 4;

/** Arrivals in a stretch of the node's own clock, as a multiple of the usual; 1 where chance explains them. */
export function burstRatio({ all }: NodeView, { startUs, endUs }: Interval): number {
  const from = Math.floor(startUs / SLOT_US);
  const end = Math.ceil(endUs / SLOT_US);
  let arrivals = 0;
  let lengthUs = 0;
  for (let slot = from; slot < end; slot += 1) {
    const window = all.track.window(slot);
    if (window === undefined) continue;
    arrivals += window.arrivals;
    lengthUs += window.lengthUs;
  }
  const rate = all.baselines.rates(from)?.arrivals ?? 0;
  const expected = (rate * lengthUs) / 1e6;
  if (expected === 0 || arrivals - expected <= CHANCE * Math.sqrt(expected)) return 1;
  return arrivals / expected;
}
