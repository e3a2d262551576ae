/**
 * Rows from top to bottom: a heading per service, below it one lane per node, or a single row that
 * gathers all of them while the service is folded. Drawing, lane heads and picking share it.
 */
import type { NodeFacts } from "./nodes.ts";

export const HEADING_HEIGHT = 28;
/** Few lanes share the room there is; many keep the least height and scroll. */
export const MIN_LANE_HEIGHT = 52;
export const MAX_LANE_HEIGHT = 96;
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
}

export type Row = HeadingRow | LaneRow;

export interface LaneLayout {
  readonly rows: readonly Row[];
  readonly lanes: readonly LaneRow[];
  readonly height: number;
  readonly laneHeight: number;
  /** The lane that shows a node; undefined for one that is not known. */
  laneOf(node: string): LaneRow | undefined;
  /** The lane at `y` pixels from the top of all rows. */
  laneAt(y: number): LaneRow | undefined;
}

/** Lays out `nodes`, which come sorted by service, in `room` pixels of height where they fit. */
export function layOutLanes(
  nodes: readonly NodeFacts[],
  foldedServices: readonly string[],
  room = 0,
): LaneLayout {
  const byService = new Map<string, NodeFacts[]>();
  for (const node of nodes) {
    const group = byService.get(node.service);
    if (group === undefined) byService.set(node.service, [node]);
    else group.push(node);
  }
  const laneHeight = laneHeightFor(byService, foldedServices, room);
  const rows: Row[] = [];
  let y = 0;
  const addLane = (service: string, group: readonly NodeFacts[]) => {
    const lifelineY = y + Math.round(laneHeight / 2) - 4;
    const requestY = lifelineY + REQUESTS_BELOW;
    rows.push({ type: "lane", service, nodes: group, y, height: laneHeight, lifelineY, requestY });
    y += laneHeight;
  };
  for (const [service, group] of byService) {
    const isFolded = foldedServices.includes(service);
    rows.push({
      type: "heading",
      service,
      nodeCount: group.length,
      isFolded,
      y,
      height: HEADING_HEIGHT,
    });
    y += HEADING_HEIGHT;
    if (isFolded) addLane(service, group);
    else for (const node of group) addLane(service, [node]);
  }
  const lanes = rows.filter((row) => row.type === "lane");
  const laneByNode = new Map(lanes.flatMap((lane) => lane.nodes.map(({ node }) => [node, lane])));
  return {
    rows,
    lanes,
    height: y,
    laneHeight,
    laneOf: (node) => laneByNode.get(node),
    laneAt: (at) => lanes.find((lane) => at >= lane.y && at < lane.y + lane.height),
  };
}

function laneHeightFor(
  byService: ReadonlyMap<string, readonly NodeFacts[]>,
  foldedServices: readonly string[],
  room: number,
): number {
  let lanes = 0;
  for (const [service, group] of byService) {
    lanes += foldedServices.includes(service) ? 1 : group.length;
  }
  const share = (room - byService.size * HEADING_HEIGHT) / Math.max(1, lanes);
  return Math.floor(Math.min(MAX_LANE_HEIGHT, Math.max(MIN_LANE_HEIGHT, share)));
}
