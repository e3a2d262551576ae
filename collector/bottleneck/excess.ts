/**
 * What an episode cost, and where: request-time above the usual, by node and by edge.
 *
 *     of a node    its exclusive load above the median, over the episode
 *     of a call    its hop gap above the median: what lies in a heartbeat gap of the callee is the callee's,
 *                  what lies in one of the caller's is the caller's, the rest is the edge's
 *
 * A node whose loop is blocked does not see what waits for it: neither its load nor its own timing shows
 * those requests. Callers do (hop gap); where there is none that records, arrivals at the usual rate are
 * reckoned to have waited, as they will turn out to have: rate x gap^2 / 2.
 */
import { SLOT_US } from "../../agent/kernel/index.ts";
import { EXCLUSIVE_LOAD, IN_FLIGHT, MEAN_EXCLUSIVE, POOL_LOAD, type Signal } from "./baselines.ts";
import { callsTouching, gapOf } from "./call-edges.ts";
import type { EdgeView } from "./detect-hop-gap.ts";
import { coveredOf, partsIn, unionOf } from "./intervals.ts";
import type { NodeView } from "./node-view.ts";
import type { Interval } from "./recording.ts";
import { zOf } from "./robust.ts";
import type { SystemView } from "./system-view.ts";

/** Integral of a signal above its median over a stretch of the node's own clock, request-us. Not below 0. */
export function excessOf({ all }: NodeView, signal: Signal, { startUs, endUs }: Interval): number {
  let excess = 0;
  const end = Math.ceil(endUs / SLOT_US);
  for (let slot = Math.floor(startUs / SLOT_US); slot < end; slot += 1) {
    const window = all.track.window(slot);
    if (window === undefined) continue;
    const median = all.baselines.at(slot, signal, 1)?.median ?? 0;
    excess += (signal.of(window, all.track, slot, 1) - median) * window.lengthUs;
  }
  return Math.max(0, excess);
}

/** Request-us that arrivals are reckoned to have waited unseen while the loop was blocked. */
export function hiddenWaitUs(view: NodeView, stretch: Interval): number {
  let hidden = 0;
  for (const { startUs, endUs } of partsIn(stretch, view.gaps)) {
    const rates = view.all.baselines.rates(Math.floor(startUs / SLOT_US));
    hidden += ((rates?.arrivals ?? 0) / 1e6) * ((endUs - startUs) ** 2 / 2);
  }
  return hidden;
}

/** How far out of the usual a node is in a stretch: the highest z of exclusive load, of mean exclusive time. */
export function nodeZ(view: NodeView, { startUs, endUs }: Interval): number {
  const { all, settings } = view;
  const slots = settings.rankScale;
  const from = Math.floor(startUs / SLOT_US / slots) * slots;
  let z = 0;
  for (const { slot, window } of all.track.windows(from, Math.ceil(endUs / SLOT_US), slots)) {
    for (const signal of [EXCLUSIVE_LOAD, MEAN_EXCLUSIVE]) {
      const usual = all.baselines.at(slot, signal, slots);
      const value = signal.of(window, all.track, slot, slots);
      if (usual !== undefined && !Number.isNaN(value)) z = Math.max(z, zOf(value, usual));
    }
  }
  return z;
}

/** What the calls of an edge lost in a stretch of the caller's clock, request-us, by whose it is. */
export interface EdgeExcess {
  readonly calleeUs: number;
  readonly callerUs: number;
  readonly networkUs: number;
  /** The calls that lost anything, by when they began and ended (the caller's clock). */
  readonly affected: readonly Interval[];
}

/** Gaps above the usual by less than so many s are no loss. */
const NOTICED_AT = 2;

export function edgeExcess(system: SystemView, view: EdgeView, stretch: Interval): EdgeExcess {
  const { edge } = view;
  const usual = view.usualAt(stretch.startUs);
  const affected: Interval[] = [];
  let [calleeUs, callerUs, networkUs] = [0, 0, 0];
  if (usual === undefined) return { calleeUs, callerUs, networkUs, affected };
  const callee = system.nodes.get(edge.to);
  const caller = system.nodes.get(edge.from);
  const calleeGaps = callee === undefined ? [] : blockedOf(callee);
  for (const call of callsTouching(edge, stretch.startUs, stretch.endUs)) {
    const lost = (gapOf(edge, call) ?? 0) - usual.median;
    if (lost <= NOTICED_AT * usual.s) continue;
    affected.push({ startUs: call.startUs, endUs: call.endUs });
    const there = system.fromFrame(edge.to, system.toFrame(edge.from, call));
    const ofCallee = Math.min(lost, coveredOf(there, calleeGaps));
    const ofCaller = Math.min(lost - ofCallee, coveredOf(call, caller?.gaps ?? []));
    calleeUs += ofCallee;
    callerUs += ofCaller;
    networkUs += lost - ofCallee - ofCaller;
  }
  return { calleeUs, callerUs, networkUs, affected };
}

/** A main thread that runs for this share of the time reads its sockets late. */
const SATURATED = 0.9;
/** Shorter than this it is one long task. */
const SATURATED_US = 20_000;

/** Stretches in which the main thread was never free, although no heartbeat was late. */
function saturatedOf({ recording }: NodeView): Interval[] {
  const samples = recording.signals.get("run");
  if (samples === undefined) return [];
  const { atUs, values } = samples;
  const busy: Interval[] = [];
  for (let i = 1; i < atUs.length; i += 1) {
    const startUs = atUs[i - 1] as number;
    const endUs = atUs[i] as number;
    const ran = (values[i] as number) - (values[i - 1] as number);
    if (ran >= SATURATED * (endUs - startUs)) busy.push({ startUs, endUs });
  }
  return unionOf(busy).filter(({ startUs, endUs }) => endUs - startUs >= SATURATED_US);
}

/**
 * Heartbeat gaps, each with what follows while the backlog is read: as long as load stays up, and at most as
 * long again; and saturation. Sockets are unread then as well.
 */
function blockedOf(view: NodeView): readonly Interval[] {
  const known = BLOCKED.get(view);
  if (known !== undefined) return known;
  const { all, settings } = view;
  const blocked = unionOf([
    ...saturatedOf(view),
    ...view.gaps.map(({ startUs, endUs }) => {
      const until = Math.floor((2 * endUs - startUs) / SLOT_US);
      let slot = Math.floor(endUs / SLOT_US);
      for (; slot < until; slot += 1) {
        const window = all.track.window(slot);
        const usual = all.baselines.at(slot, IN_FLIGHT, 1);
        if (window === undefined || usual === undefined) break;
        if (window.inFlight <= usual.median + settings.onsetAt * usual.s) break;
      }
      return { startUs, endUs: Math.max(endUs, slot * SLOT_US) };
    }),
  ]);
  BLOCKED.set(view, blocked);
  return blocked;
}

/** Worked out once for each view: every edge to it asks. */
const BLOCKED = new WeakMap<NodeView, readonly Interval[]>();

/** Request-us spent waiting for pools above the usual. */
export function poolExcess(view: NodeView, stretch: Interval): number {
  return excessOf(view, POOL_LOAD, stretch);
}
