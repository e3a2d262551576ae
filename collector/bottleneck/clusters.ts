/**
 * Flags that belong together: on nodes joined by requests, less than 50 ms apart in the common frame.
 *
 *     load      stock     ====  ==
 *     hop-gap   gateway    =====                  one cluster
 *     percentile gateway         ....             strengthens it: it opens nothing by itself
 *                              |<-50 ms->|  ====  another
 */

import { SLOT_US } from "../../agent/kernel/index.ts";
import { detectFreeze } from "./detect-freeze.ts";
import { detectHeartbeat } from "./detect-heartbeat.ts";
import { detectLoad } from "./detect-load.ts";
import { detectOldest } from "./detect-oldest.ts";
import { detectPercentile } from "./detect-percentile.ts";
import type { Flag } from "./flags.ts";
import type { Interval } from "./recording.ts";
import type { SystemView } from "./system-view.ts";

/** Times are of the common frame. */
export interface Cluster extends Interval {
  readonly group: string;
  /** Ascending by start, opening or not, with their stretches in the common frame. */
  readonly flags: readonly (Flag & { readonly frame: Interval })[];
}

/** The flags of all nodes and edges in [fromUs, untilUs), each by its node's own clock. */
export function flagsBetween(system: SystemView, fromUs: number, untilUs: number): Flag[] {
  const flags: Flag[] = [];
  for (const view of system.nodes.values()) {
    const own = system.fromFrame(view.node, { startUs: fromUs, endUs: untilUs });
    const from = Math.ceil(own.startUs / SLOT_US);
    const until = Math.ceil(own.endUs / SLOT_US);
    for (const detect of [
      detectLoad,
      detectPercentile,
      detectFreeze,
      detectOldest,
      detectHeartbeat,
    ]) {
      for (const flag of detect(view, from, until)) flags.push(flag);
    }
  }
  for (const edge of system.edges) {
    const own = system.fromFrame(edge.edge.from, { startUs: fromUs, endUs: untilUs });
    flags.push(...edge.flags(own.startUs, own.endUs));
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
