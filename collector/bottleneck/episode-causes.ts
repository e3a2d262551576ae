/**
 * The causes of an episode, by what is charged: a node has a ledger; the way between two nodes, and a peer that
 * nobody can look into, are causes themselves.
 */

import type { EpisodeCause } from "./episode-shape.ts";
import type { Extent } from "./extent.ts";
import { coveredOf } from "./intervals.ts";
import { type Ledger, ledgerOf } from "./ledger.ts";
import type { NodeView } from "./node-view.ts";
import { excessWait } from "./path.ts";
import type { SystemView } from "./system-view.ts";
import type { Suspect } from "./tier.ts";

export function causesOf(
  system: SystemView,
  charged: Suspect,
  extent: Extent,
  boundUs: number,
): Ledger {
  const durationMs = (extent.endUs - extent.startUs) / 1_000;
  if (charged.kind === "network" || charged.kind === "peer") {
    // All of it lies between two nodes that are well, or with one that nobody can look into.
    const cause = charged.kind === "network" ? "network" : "downstream";
    const { from = charged.node, to = charged.node } = charged.edge ?? {};
    const evidence = [
      `${charged.affected.length} calls from ${from} to ${to} took longer than usual`,
    ];
    const score = Math.log1p(charged.z);
    return {
      causes: [{ cause, node: to, ms: durationMs, share: 1, score, evidence }],
      unexplainedMs: 0,
    };
  }
  const view = system.nodes.get(charged.node);
  if (view === undefined) return { causes: [], unexplainedMs: durationMs };
  const ledger = ledgerOf(view, extent, boundUs);
  return charged.kind === "node" ? withDownstream(system, view, extent, ledger) : ledger;
}

/**
 * The row of the ledger for whoever calls: their downstream wait is up, and so is the exclusive time of this
 * node, whose loop is free and which has nothing to show of its own. It waits for something that nobody records.
 */
function withDownstream(
  system: SystemView,
  view: NodeView,
  extent: Extent,
  ledger: Ledger,
): Ledger {
  const { causes, unexplainedMs } = ledger;
  const share = unexplainedMs / ((extent.endUs - extent.startUs) / 1_000);
  const isRecorded = view.recording.signals.size > 0;
  const callers = system.edges.filter(({ edge }) => edge.to === view.node);
  const isFree = coveredOf(extent, view.gaps) < (extent.endUs - extent.startUs) / 2;
  if (!isRecorded || !isFree || callers.length === 0 || share < LEAST_DOWNSTREAM) return ledger;
  const during = system.toFrame(view.node, extent);
  const waitedUs = callers.reduce(
    (sum, edge) => sum + excessWait(edge, system.fromFrame(edge.edge.from, during)),
    0,
  );
  if (waitedUs <= 0) return ledger;
  const evidence = [
    `callers waited ${Math.round(waitedUs / 1_000)} request-ms longer than usual`,
    "its exclusive time is up; its loop, thread pool, pools and locks are free",
  ];
  const cause: EpisodeCause = {
    ...{ cause: "downstream", node: view.node, ms: unexplainedMs, share, score: share, evidence },
  };
  return { causes: [...causes, cause].sort((a, b) => b.ms - a.ms), unexplainedMs: 0 };
}

/** Less of an episode without an explanation stays unexplained. */
const LEAST_DOWNSTREAM = 0.25;
