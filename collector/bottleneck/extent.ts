/**
 * When an episode began and ended on the charged tier, by that node's own clock.
 *
 *     load       m + 2s  - - - - - - -/|- - - - - -\- - - - - -
 *                  ____________   ___/ |            \______|     50 ms below: calm again
 *                              | onset | end         drain |
 *
 * Onset: the start of the heartbeat gap, else the first 10 ms window above m + 2s, at most 1 s back. The end
 * is where the cause lets go: the end of the gap, else where load stops being near its highest; from there on
 * a backlog drains.
 */
import { SLOT_US } from "../../agent/kernel/index.ts";
import { EXCLUSIVE_LOAD, IN_FLIGHT, POOL_LOAD, type Signal } from "./baselines.ts";
import type { Cluster } from "./clusters.ts";
import { partsIn } from "./intervals.ts";
import type { NodeView } from "./node-view.ts";
import type { Interval } from "./recording.ts";
import { SLOT_MS } from "./settings.ts";
import type { SystemView } from "./system-view.ts";
import type { Suspect } from "./tier.ts";

export interface Extent extends Interval {
  readonly drainUs: number;
  /** Whether load is known to be calm after it: else it may go on. */
  readonly isOver: boolean;
}

/** Load that is as near to its highest as this has not begun to drain. */
const PLATEAU = 0.8;

export function extentOf(system: SystemView, cluster: Cluster, suspect: Suspect): Extent {
  const observer = suspect.edge?.from ?? suspect.node;
  const view = system.nodes.get(observer);
  const own = system.fromFrame(observer, cluster);
  if (view === undefined) return { ...own, drainUs: 0, isOver: true };
  if (suspect.kind === "network" || suspect.kind === "peer") return ofCalls(view, own, suspect);
  const ownFlags = cluster.flags.filter(
    ({ node, to, opens }) => node === observer && to === null && opens,
  );
  const flagged = {
    startUs: Math.min(...ownFlags.map(({ startUs }) => startUs), own.endUs),
    endUs: Math.max(...ownFlags.map(({ endUs }) => endUs), own.startUs),
  };
  const reach = flagged.endUs > flagged.startUs ? flagged : own;
  const signal = suspect.kind === "pool" ? POOL_LOAD : EXCLUSIVE_LOAD;
  const rise = riseBefore(view, signal, reach);
  const gaps = chained(view, reach);
  const [gap] = gaps;
  const mergeUs = view.settings.mergeMs * 1_000;
  if (suspect.kind === "node" && gap !== undefined && gap.startUs <= rise + mergeUs) {
    const endUs = gaps.at(-1)?.endUs ?? gap.endUs;
    return { startUs: gap.startUs, endUs, ...drainAfter(view, IN_FLIGHT, endUs) };
  }
  const endUs = plateauEnd(view, signal, rise, Math.max(reach.endUs, rise + SLOT_US));
  return { startUs: rise, endUs, ...drainAfter(view, signal, endUs) };
}

/** Of an edge: from the first call that lost anything to the last; then those under way come back. */
function ofCalls(view: NodeView, own: Interval, { affected }: Suspect): Extent {
  const [first] = affected;
  if (first === undefined) return { ...own, drainUs: 0, isOver: true };
  const startUs = first.startUs;
  const lastUs = Math.max(...affected.map((call) => call.startUs));
  const backUs = Math.max(...affected.map((call) => call.endUs));
  const endUs = Math.max(lastUs, startUs + SLOT_US);
  const lastSlot = Math.floor(backUs / SLOT_US) + view.settings.calmMs / SLOT_MS;
  return {
    startUs,
    endUs,
    drainUs: Math.max(0, backUs - endUs),
    isOver: view.all.track.isKnown(lastSlot),
  };
}

function limitAt({ all, settings }: NodeView, signal: Signal, slot: number): number {
  const usual = all.baselines.at(slot, signal, 1);
  // Before anything is usual there is only the floor.
  return usual === undefined
    ? settings.onsetAt * settings.loadFloor
    : usual.median + settings.onsetAt * usual.s;
}

function valueAt({ all }: NodeView, signal: Signal, slot: number): number | undefined {
  const window = all.track.window(slot);
  return window && signal.of(window, all.track, slot, 1);
}

/** The first slot above m + 2s: back from the first that is flagged, at most so far; else forward. */
function riseBefore(view: NodeView, signal: Signal, { startUs, endUs }: Interval): number {
  const isUp = (slot: number): boolean =>
    (valueAt(view, signal, slot) ?? 0) > limitAt(view, signal, slot);
  const flagged = Math.floor(startUs / SLOT_US);
  let slot = flagged;
  while (slot * SLOT_US < endUs && !isUp(slot)) slot += 1;
  if (slot * SLOT_US >= endUs) return startUs;
  const earliest = flagged - view.settings.onsetBackMs / SLOT_MS;
  while (slot - 1 >= earliest && isUp(slot - 1)) slot -= 1;
  return slot * SLOT_US;
}

/** Heartbeat gaps in a stretch, each less than the merge distance after the one before. */
function chained(view: NodeView, stretch: Interval): Interval[] {
  const mergeUs = view.settings.mergeMs * 1_000;
  const touching = { startUs: stretch.startUs - mergeUs, endUs: stretch.endUs };
  const near = view.gaps.filter((gap) => partsIn(touching, [gap]).length > 0);
  const chain: Interval[] = [];
  for (const gap of near) {
    const last = chain.at(-1);
    if (last !== undefined && gap.startUs - last.endUs >= mergeUs) break;
    chain.push(gap);
  }
  return chain;
}

function plateauEnd(view: NodeView, signal: Signal, startUs: number, endUs: number): number {
  const first = Math.floor(startUs / SLOT_US);
  const end = Math.ceil(endUs / SLOT_US);
  let highest = 0;
  for (let slot = first; slot < end; slot += 1) {
    highest = Math.max(highest, valueAt(view, signal, slot) ?? 0);
  }
  const median = view.all.baselines.at(first, signal, 1)?.median ?? 0;
  const near = median + PLATEAU * (highest - median);
  let last = first;
  for (let slot = first; slot < end; slot += 1) {
    if ((valueAt(view, signal, slot) ?? 0) >= near) last = slot;
  }
  return (last + 1) * SLOT_US;
}

/** Until the first stretch of calm after `us`; at most a second is looked at beyond what is known. */
function drainAfter(
  view: NodeView,
  signal: Signal,
  us: number,
): { readonly drainUs: number; readonly isOver: boolean } {
  const calmSlots = view.settings.calmMs / SLOT_MS;
  let calm = 0;
  for (let slot = Math.ceil(us / SLOT_US); ; slot += 1) {
    const value = valueAt(view, signal, slot);
    if (value === undefined) return { drainUs: Math.max(0, slot * SLOT_US - us), isOver: false };
    calm = value > limitAt(view, signal, slot) ? 0 : calm + 1;
    if (calm < calmSlots) continue;
    return { drainUs: Math.max(0, (slot + 1 - calmSlots) * SLOT_US - us), isOver: true };
  }
}
