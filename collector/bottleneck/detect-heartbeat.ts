/**
 * Rule 5: the heartbeat was late, and a request was open or arrived meanwhile; else it is a silent stall,
 * which nobody noticed. Lateness of less than 10 ms is not recorded, and of the usual tick is none: so what
 * is usual is the longest lateness of each 50 ms, nearly always nothing, and a gap that is recorded is
 * out of the usual unless gaps are. At low rates only this rule sees stalls of 20 ms.
 */
import { SLOT_US } from "../../agent/kernel/index.ts";
import type { Flag } from "./flags.ts";
import { firstEndingAfter } from "./intervals.ts";
import type { NodeView } from "./node-view.ts";
import type { Interval } from "./recording.ts";
import { type Usual, usualOf, zOf } from "./robust.ts";

/** The grain at which lateness is said to be usual. */
const GRAIN_US = 50_000;

/** Flags of gaps that begin in [from, until), slots. */
export function detectHeartbeat(view: NodeView, from: number, until: number): Flag[] {
  const flags: Flag[] = [];
  const usualByStep = new Map<number, Usual>();
  const { gaps, settings } = view;
  for (let i = firstEndingAfter(gaps, from * SLOT_US); i < gaps.length; i += 1) {
    const gap = gaps[i] as Interval;
    if (gap.startUs >= until * SLOT_US) break;
    if (gap.startUs < from * SLOT_US || !meetsRequests(view, gap)) continue;
    const value = gap.endUs - gap.startUs;
    const stepUs = settings.baselineStepMs * 1_000;
    const step = Math.floor(gap.startUs / stepUs) * stepUs;
    const usual = usualByStep.get(step) ?? usualLateness(view, step);
    usualByStep.set(step, usual);
    if (value < settings.heartbeatFloorUs) continue;
    if (zOf(value, usual) <= settings.heartbeatAt) continue;
    flags.push({
      rule: "heartbeat",
      node: view.node,
      operation: null,
      to: null,
      startUs: gap.startUs,
      endUs: gap.endUs,
      windowMs: value / 1_000,
      value,
      median: usual.median,
      score: zOf(value, usual),
      opens: true,
    });
  }
  return flags;
}

/** Arrivals during the gap are taken in right after it: so the slot after it counts as well. */
function meetsRequests({ all }: NodeView, { startUs, endUs }: Interval): boolean {
  const last = Math.floor(endUs / SLOT_US) + 1;
  for (let slot = Math.floor(startUs / SLOT_US); slot <= last; slot += 1) {
    const window = all.track.window(slot);
    if (window !== undefined && (window.inFlight > 0 || window.arrivals > 0)) return true;
  }
  return false;
}

function usualLateness({ gaps, settings }: NodeView, untilUs: number): Usual {
  const fromUs = untilUs - settings.baselineMs * 1_000;
  const longest = new Array<number>(Math.ceil((untilUs - fromUs) / GRAIN_US)).fill(0);
  for (let i = firstEndingAfter(gaps, fromUs); i < gaps.length; i += 1) {
    const { startUs, endUs } = gaps[i] as Interval;
    if (startUs >= untilUs) break;
    const at = Math.max(0, Math.floor((startUs - fromUs) / GRAIN_US));
    longest[at] = Math.max(longest[at] as number, endUs - startUs);
  }
  const usual = usualOf(longest, {
    floor: settings.latencyFloorUs,
    floorShare: settings.latencyFloorShare,
    outlierAt: settings.heartbeatAt,
    neighbours: 0,
  });
  return usual ?? { median: 0, s: settings.latencyFloorUs, count: 0 };
}
