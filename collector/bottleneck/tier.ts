/**
 * Which tier an episode is charged to: the one with the largest excess of request-time that is its own, by
 * exclusive load and hop gap. Never the longest queue, which is deepest above the culprit or, once a backlog
 * is released, below it; never the first in time, which clocks cannot tell.
 */
import { EXCLUSIVE_LOAD } from "./baselines.ts";
import { shiftOf, uncertaintyOf } from "./clock-bounds.ts";
import type { Cluster } from "./clusters.ts";
import type { EpisodeCandidate, EpisodeTier } from "./episode-shape.ts";
import {
  type EdgeExcess,
  edgeExcess,
  excessOf,
  hiddenWaitUs,
  nodeZ,
  poolExcess,
} from "./excess.ts";
import { partsIn } from "./intervals.ts";
import type { NodeView } from "./node-view.ts";
import type { Interval } from "./recording.ts";
import type { SystemView } from "./system-view.ts";

/** How an edge was charged, for the path. */
export interface ChargedEdge extends EdgeExcess {
  readonly from: string;
  readonly to: string;
  readonly isKnown: boolean;
}

/** What can be charged: a node, or the way to one. */
export interface Suspect extends EpisodeCandidate {
  /** `pool`: what it lost it spent waiting for pools. */
  readonly kind: "node" | "pool" | "network" | "peer";
  /** Of an edge: the calls that lost anything, by the caller's clock. */
  readonly affected: readonly Interval[];
}

export interface Verdict {
  /** At least one; the first is charged. */
  readonly suspects: readonly Suspect[];
  readonly edges: readonly ChargedEdge[];
  readonly boundUs: number | null;
  readonly orderUsed: boolean;
}

/** A cluster's own stretch is not all of it: load rises before it is flagged, and falls after. */
const MARGIN_US = 20_000;
/** Order in time is used where it is surer than this: the finest window. */
const ORDER_US = 10_000;
/** What is downstream of a pool counts as raised from this share of the pool's excess on. */
const POOL_FOLLOWED = 0.5;

export function chargeTier(system: SystemView, cluster: Cluster): Verdict {
  const { settings } = system;
  const stretch = { startUs: cluster.startUs - MARGIN_US, endUs: cluster.endUs + MARGIN_US };
  const members = [...system.nodes.values()].filter(
    ({ node }) => system.groupOf(node) === cluster.group,
  );
  const edges: ChargedEdge[] = system.edges
    .filter(({ edge }) => system.groupOf(edge.from) === cluster.group)
    .map((view) => {
      const { from, to, isKnown } = view.edge;
      return { from, to, isKnown, ...edgeExcess(system, view, system.fromFrame(from, stretch)) };
    });
  const found = [
    ...members.flatMap((view) => nodeSuspects(system, cluster, stretch, edges, view)),
    ...edges.flatMap((edge) => edgeSuspects(system, cluster, edge)),
  ].sort((a, b) => b.excessRequestMs - a.excessRequestMs || (a.node < b.node ? -1 : 1));
  const likely = withoutFollowedPools(system, found, edges).filter(
    ({ z, excessRequestMs }) => z >= settings.candidateZ && excessRequestMs > 0,
  );
  const suspects = likely.length > 0 ? likely : found.slice(0, 1);
  const { boundUs, orderUsed } = orderOf(system, cluster, suspects);
  return {
    suspects: orderUsed ? tieBroken(system, cluster, suspects) : suspects,
    edges,
    boundUs,
    orderUsed,
  };
}

function nodeSuspects(
  system: SystemView,
  cluster: Cluster,
  stretch: Interval,
  edges: readonly ChargedEdge[],
  view: NodeView,
): Suspect[] {
  const { node, settings } = view;
  const own = system.fromFrame(node, stretch);
  const unseen = edges.reduce(
    (sum, { from, to, calleeUs, callerUs }) =>
      sum + (to === node ? calleeUs : 0) + (from === node ? callerUs : 0),
    0,
  );
  const exclusiveUs = excessOf(view, EXCLUSIVE_LOAD, own);
  const excess = exclusiveUs + Math.max(unseen, hiddenWaitUs(view, own));
  const longest = partsIn(own, view.gaps).reduce(
    (most, g) => Math.max(most, g.endUs - g.startUs),
    0,
  );
  const gapZ = longest / settings.latencyFloorUs;
  const tier = { service: system.serviceOf(node), node };
  const suspects: Suspect[] = [
    {
      ...tier,
      kind: "node",
      z: Math.max(nodeZ(view, own), flagZ(cluster, node, null), gapZ),
      excessRequestMs: excess / 1_000,
      affected: [],
    },
  ];
  const poolUs = poolExcess(view, own);
  if (poolUs > 0) {
    const z = poolUs / (own.endUs - own.startUs) / settings.loadFloor;
    suspects.push({ ...tier, kind: "pool", z, excessRequestMs: poolUs / 1_000, affected: [] });
  }
  return suspects;
}

function edgeSuspects(system: SystemView, cluster: Cluster, edge: ChargedEdge): Suspect[] {
  const { from, to, isKnown, networkUs, affected } = edge;
  if (networkUs <= 0) return [];
  return [
    {
      service: system.serviceOf(to),
      node: to,
      edge: { from, to },
      kind: isKnown ? "network" : "peer",
      z: flagZ(cluster, from, to),
      excessRequestMs: networkUs / 1_000,
      affected,
    },
  ];
}

/** The highest score of the cluster's flags of a node, or of an edge. */
function flagZ({ flags }: Cluster, node: string, to: string | null): number {
  return flags
    .filter((flag) => flag.node === node && flag.to === to && flag.rule !== "freeze")
    .reduce((most, { score }) => Math.max(most, score), 0);
}

/** A pool whose downstream is in trouble is a symptom: the call is followed down instead. */
function withoutFollowedPools(
  system: SystemView,
  found: readonly Suspect[],
  edges: readonly ChargedEdge[],
): Suspect[] {
  const { candidateZ } = system.settings;
  return found.filter((pool) => {
    if (pool.kind !== "pool") return true;
    const below = nodesBelow(pool.node, edges);
    return !found.some(
      (other) =>
        other.kind !== "pool" &&
        other.z >= candidateZ &&
        (below.has(other.node) || other.edge?.from === pool.node) &&
        other.excessRequestMs >= POOL_FOLLOWED * pool.excessRequestMs,
    );
  });
}

function nodesBelow(node: string, edges: readonly ChargedEdge[]): Set<string> {
  const below = new Set<string>();
  const waiting = [node];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    for (const { from, to } of edges) {
      if (from !== next || to === node || below.has(to)) continue;
      below.add(to);
      waiting.push(to);
    }
  }
  return below;
}

/** How sure the order between the charged node and the other suspects is. */
function orderOf(
  system: SystemView,
  cluster: Cluster,
  suspects: readonly Suspect[],
): { readonly boundUs: number | null; readonly orderUsed: boolean } {
  const frame = system.frameAt(cluster.startUs);
  const involved = new Set([
    ...suspects.map(({ node, edge }) => edge?.from ?? node),
    ...cluster.flags.map(({ node }) => node),
  ]);
  let boundUs = 0;
  for (const node of involved) {
    const uncertainty = uncertaintyOf(frame, node);
    if (uncertainty === undefined) return { boundUs: null, orderUsed: involved.size === 1 };
    boundUs = Math.max(boundUs, uncertainty);
  }
  return { boundUs, orderUsed: boundUs <= ORDER_US };
}

/** Of two that cost about the same, the one that began clearly earlier. */
function tieBroken(
  system: SystemView,
  cluster: Cluster,
  suspects: readonly Suspect[],
): readonly Suspect[] {
  const [first, second, ...rest] = suspects;
  if (first === undefined || second === undefined) return suspects;
  const isClose = second.excessRequestMs >= (1 - system.settings.tieShare) * first.excessRequestMs;
  if (!isClose) return suspects;
  const frame = system.frameAt(cluster.startUs);
  const began = (suspect: Suspect): number => beginningOf(system, cluster, suspect);
  const doubt = (uncertaintyOf(frame, first.node) ?? 0) + (uncertaintyOf(frame, second.node) ?? 0);
  return began(second) < began(first) - doubt - ORDER_US ? [second, first, ...rest] : suspects;
}

/** In the common frame. */
function beginningOf(
  system: SystemView,
  cluster: Cluster,
  { node, edge, affected }: Suspect,
): number {
  const [call] = affected;
  if (edge !== undefined && call !== undefined) return system.toFrame(edge.from, call).startUs;
  const own = cluster.flags.filter((flag) => flag.node === node && flag.to === null);
  return own[0]?.frame.startUs ?? cluster.endUs;
}

/** How far a node's clock is from the frame, for whoever prints both. */
export function shiftAt(system: SystemView, node: string, us: number): number {
  return shiftOf(system.frameAt(us), node);
}

export function tierOf({ service, node, edge }: EpisodeTier): EpisodeTier {
  return edge === undefined ? { service, node } : { service, node, edge };
}
