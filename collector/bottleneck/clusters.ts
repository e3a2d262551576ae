/**
 * Flags that belong together: on nodes joined by requests, less than 50 ms apart in the common frame.
 *
 *     load      stock     ====  ==
 *     hop-gap   gateway    =====                  one cluster
 *     percentile gateway         ....             strengthens it: it opens nothing by itself
 *                              |<-50 ms->|  ====  another
 */

import { SLOT_US } from "../../agent/kernel/index.ts";
import type { Work } from "../cut/turns.ts";
import { detectFreeze } from "./detect-freeze.ts";
import { detectHeartbeat } from "./detect-heartbeat.ts";
import { detectLoad } from "./detect-load.ts";
import { detectOldest } from "./detect-oldest.ts";
import { detectPercentile } from "./detect-percentile.ts";
import type { Flag } from "./flags.ts";
import type { Interval } from "./recording.ts";
import { SLOT_MS } from "./settings.ts";
import type { SystemView } from "./system-view.ts";

/** Times are of the common frame. */
export interface Cluster extends Interval {
  readonly group: string;
  /** Ascending by start, opening or not, with their stretches in the common frame. */
  readonly flags: readonly (Flag & { readonly frame: Interval })[];
}

const RULES = [detectLoad, detectPercentile, detectFreeze, detectOldest, detectHeartbeat] as const;

/** The flags of all nodes and edges in [fromUs, untilUs), each by its node's own clock. */
export function* flagsBetween(
  system: SystemView,
  fromUs: number,
  untilUs: number,
): Work<readonly Flag[]> {
  const flags: Flag[] = [];
  const { baselineStepMs } = system.settings;
  // A flag belongs to where it begins, so pieces come to what the whole comes to: each costs one baseline.
  const step = baselineStepMs / SLOT_MS;
  for (const view of system.nodes.values()) {
    const own = system.fromFrame(view.node, { startUs: fromUs, endUs: untilUs });
    const until = Math.ceil(own.endUs / SLOT_US);
    for (let from = Math.ceil(own.startUs / SLOT_US); from < until; ) {
      const end = Math.min(until, (Math.floor(from / step) + 1) * step);
      for (const detect of RULES) {
        for (const flag of detect(view, from, end)) flags.push(flag);
        yield;
      }
      from = end;
    }
  }
  for (const edge of system.edges) {
    const own = system.fromFrame(edge.edge.from, { startUs: fromUs, endUs: untilUs });
    flags.push(...edge.flags(own.startUs, own.endUs));
    yield;
  }
  return flags;
}

/** Ascending by start. */
export function clustersOf(system: SystemView, flags: readonly Flag[]): Cluster[] {
  const placed = flags
    .map((flag) => ({ ...flag, frame: system.toFrame(flag.node, flag) }))
    .sort((a, b) => a.frame.startUs - b.frame.startUs || (a.node < b.node ? -1 : 1));
  const mergeUs = system.settings.mergeMs * 1_000;
  const open = new Map<string, Cluster & { endUs: number; flags: Placed[] }>();
  const clusters: (Cluster & { flags: Placed[] })[] = [];
  for (const flag of placed) {
    if (!flag.opens) continue;
    const group = system.groupOf(flag.node);
    const last = open.get(group);
    if (last !== undefined && flag.frame.startUs < last.endUs + mergeUs) {
      last.endUs = Math.max(last.endUs, flag.frame.endUs);
      last.flags.push(flag);
      continue;
    }
    const cluster = { group, ...flag.frame, flags: [flag] };
    open.set(group, cluster);
    clusters.push(cluster);
  }
  for (const flag of placed) {
    if (flag.opens) continue;
    const group = system.groupOf(flag.node);
    const near = clusters.find(
      (one) =>
        one.group === group &&
        flag.frame.startUs < one.endUs + mergeUs &&
        one.startUs < flag.frame.endUs + mergeUs,
    );
    near?.flags.push(flag);
  }
  return clusters;
}

type Placed = Flag & { readonly frame: Interval };
