/**
 * Rows from top to bottom: a heading per service, below it one lane per node, or a single row that
 * gathers all of them while the service is folded; last, one line for the nodes that were not there
 * anywhere in the view. Drawing, lane heads and picking share it.
 *
 *     ┌ y ──────────────────────────┐
 *     │        ▮ ▮   ●              │  columns and marks rise
 *     │ ───────────── lifelineY ─── │
 *     │     ▭▭▭       requestY      │
 *     │ [ n1      ][ n2           ] │  trackY: one strip per pinned variable
 *     └─────────────────────────────┘
 */
import type { NodeFacts } from "./nodes.ts";

export const HEADING_HEIGHT = 28;
/** Few lanes share the room there is; many keep the least height and scroll. Without tracks. */
export const MIN_LANE_HEIGHT = 52;
export const MAX_LANE_HEIGHT = 168;
export const ABSENT_HEIGHT = 36;
/** The heading of the lanes that stand above all services. */
export const PINNED_GROUP = "★ pinned";
/** One state track, and the air below the last. */
export const TRACK_HEIGHT = 20;
const TRACK_AIR = 6;
/** Requests hang so far below the lifeline. */
const REQUESTS_BELOW = 16;

export interface HeadingRow {
  readonly type: "heading";
  readonly service: string;
  readonly nodeCount: number;
  readonly isFolded: boolean;
  readonly y: number;
  readonly height: number;
}

export interface LaneRow {
  readonly type: "lane";
  readonly service: string;
  /** One node, or all of a folded service. */
  readonly nodes: readonly NodeFacts[];
  readonly y: number;
  readonly height: number;
  /** From the top of all rows, like `y`: where events stand, and where requests hang. */
  readonly lifelineY: number;
  readonly requestY: number;
  /** Top of the first state track; the end of the lane where there is none. */
  readonly trackY: number;
}

/** The nodes that were not there in the view, in one line. */
export interface AbsentRow {
  readonly type: "absent";
  readonly count: number;
  /** Whether they have lanes all the same. */
  readonly isShown: boolean;
  readonly y: number;
  readonly height: number;
}

/** The nodes that the person has hidden, or filtered out, in one line. */
export interface HiddenRow {
  readonly type: "hidden";
  readonly count: number;
  readonly y: number;
  readonly height: number;
}

export type Row = HeadingRow | LaneRow | AbsentRow | HiddenRow;

export interface LaneLayout {
  readonly rows: readonly Row[];
  readonly lanes: readonly LaneRow[];
  readonly height: number;
  readonly laneHeight: number;
  /** The lane that shows a node; undefined for one that is not known or has no lane now. */
  laneOf(node: string): LaneRow | undefined;
  /** The lane at `y` pixels from the top of all rows. */
  laneAt(y: number): LaneRow | undefined;
}

export interface LayoutOptions {
  readonly foldedServices?: readonly string[];
  /** Pixels of height to fill, where the rows need no more. */
  readonly room?: number;
  /** Ids of nodes that were not there anywhere in the view. */
  readonly absent?: ReadonlySet<string>;
  /** Gives the absent nodes lanes too. */
  readonly showAbsent?: boolean;
  /** Ids of nodes without a lane, since somebody hid them. */
  readonly hidden?: ReadonlySet<string>;
  /** Nodes in a group of their own above all services, in this order. */
  readonly pinned?: readonly string[];
  /** Nodes named here stand first in their service, in this order. */
  readonly order?: readonly string[];
  /** State tracks below each lifeline. */
  readonly trackCount?: number;
}

/** Lays out `nodes`, which come sorted by service. */
export function layOutLanes(nodes: readonly NodeFacts[], options: LayoutOptions = {}): LaneLayout {
  const { foldedServices = [], absent = new Set(), showAbsent = false, trackCount = 0 } = options;
  const { hidden = new Set<string>(), pinned = [] } = options;
  const byService = new Map<string, NodeFacts[]>();
  const isPinned = ({ node }: NodeFacts) => pinned.includes(node);
  let absentCount = 0;
  let hiddenCount = 0;
  for (const node of inOrder(nodes, [...pinned, ...(options.order ?? [])], isPinned)) {
    if (hidden.has(node.node)) {
      hiddenCount += 1;
      continue;
    }
    if (absent.has(node.node)) absentCount += 1;
    if (absent.has(node.node) && !showAbsent) continue;
    const group = isPinned(node) ? PINNED_GROUP : node.service;
    const lanes = byService.get(group);
    if (lanes === undefined) byService.set(group, [node]);
    else lanes.push(node);
  }
  const tracks = trackCount === 0 ? 0 : trackCount * TRACK_HEIGHT + TRACK_AIR;
  const laneHeight = laneHeightFor(
    [...byService].map(([service, group]) => (foldedServices.includes(service) ? 1 : group.length)),
    (options.room ?? 0) -
      (absentCount === 0 ? 0 : ABSENT_HEIGHT) -
      (hiddenCount === 0 ? 0 : ABSENT_HEIGHT),
    tracks,
  );
  const rows: Row[] = [];
  let y = 0;
  const addLane = (service: string, group: readonly NodeFacts[]) => {
    const lifelineY = y + Math.round((laneHeight - tracks) / 2) - 4;
    const requestY = lifelineY + REQUESTS_BELOW;
    const trackY = y + laneHeight - tracks;
    const place = { y, height: laneHeight, lifelineY, requestY, trackY };
    rows.push({ type: "lane", service, nodes: group, ...place });
    y += laneHeight;
  };
  for (const [service, group] of byService) {
    const isFolded = foldedServices.includes(service);
    const nodeCount = group.length;
    rows.push({ type: "heading", service, nodeCount, isFolded, y, height: HEADING_HEIGHT });
    y += HEADING_HEIGHT;
    if (isFolded) addLane(service, group);
    else for (const node of group) addLane(service, [node]);
  }
  if (absentCount > 0) {
    rows.push({
      type: "absent",
      count: absentCount,
      isShown: showAbsent,
      y,
      height: ABSENT_HEIGHT,
    });
    y += ABSENT_HEIGHT;
  }
  if (hiddenCount > 0) {
    rows.push({ type: "hidden", count: hiddenCount, y, height: ABSENT_HEIGHT });
    y += ABSENT_HEIGHT;
  }
  const lanes = rows.filter((row) => row.type === "lane");
  const laneByNode = new Map(lanes.flatMap((lane) => lane.nodes.map(({ node }) => [node, lane])));
  return {
    rows,
    lanes,
    height: y,
    laneHeight,
    laneOf: (node) => laneByNode.get(node),
    laneAt: (at) => laneAt(lanes, at),
  };
}

/** Pinned nodes first; within their services the named ones before the others, which stay as they are. */
function inOrder(
  nodes: readonly NodeFacts[],
  named: readonly string[],
  isPinned: (node: NodeFacts) => boolean,
): readonly NodeFacts[] {
  if (named.length === 0) return nodes;
  const places = new Map(named.map((node, place) => [node, place]));
  const placeOf = ({ node }: NodeFacts) => places.get(node) ?? named.length;
  const services = new Map<string, number>();
  for (const { service } of nodes) {
    if (!services.has(service)) services.set(service, services.size);
  }
  const serviceOf = (node: NodeFacts) => (isPinned(node) ? -1 : (services.get(node.service) ?? 0));
  return nodes.toSorted((a, b) => serviceOf(a) - serviceOf(b) || placeOf(a) - placeOf(b));
}

/** By halving: lanes ascend and do not overlap. */
function laneAt(lanes: readonly LaneRow[], at: number): LaneRow | undefined {
  let low = 0;
  let high = lanes.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const lane = lanes[middle] as LaneRow;
    if (lane.y + lane.height <= at) low = middle + 1;
    else high = middle;
  }
  const found = lanes[low];
  return found !== undefined && at >= found.y ? found : undefined;
}

/** `groups` are the numbers of lanes below each heading. */
function laneHeightFor(groups: readonly number[], room: number, tracks: number): number {
  const lanes = groups.reduce((sum, count) => sum + count, 0);
  const share = (room - groups.length * HEADING_HEIGHT) / Math.max(1, lanes);
  const least = MIN_LANE_HEIGHT + tracks;
  return Math.floor(Math.min(MAX_LANE_HEIGHT + tracks, Math.max(least, share)));
}
