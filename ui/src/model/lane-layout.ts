/**
 * Rows from top to bottom: a heading per service, below it one lane per node, or a single row that
 * gathers all of them while the service is folded. Drawing, lane heads and picking share it.
 */
import type { NodeFacts } from "./nodes.ts";

export const HEADING_HEIGHT = 28;
export const LANE_HEIGHT = 52;
/** The lifeline's place inside its row; requests hang below it. */
export const LIFELINE_Y = 22;
export const REQUEST_Y = 38;

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
}

export type Row = HeadingRow | LaneRow;

export interface LaneLayout {
  readonly rows: readonly Row[];
  readonly lanes: readonly LaneRow[];
  readonly height: number;
  /** The lane that shows a node; undefined for one that is not known. */
  laneOf(node: string): LaneRow | undefined;
  /** The lane at `y` pixels from the top of all rows. */
  laneAt(y: number): LaneRow | undefined;
}

/** Lays out `nodes`, which come sorted by service. */
export function layOutLanes(
  nodes: readonly NodeFacts[],
  foldedServices: readonly string[],
): LaneLayout {
  const byService = new Map<string, NodeFacts[]>();
  for (const node of nodes) {
    const group = byService.get(node.service);
    if (group === undefined) byService.set(node.service, [node]);
    else group.push(node);
  }
  const rows: Row[] = [];
  let y = 0;
  const addLane = (service: string, group: readonly NodeFacts[]) => {
    rows.push({ type: "lane", service, nodes: group, y, height: LANE_HEIGHT });
    y += LANE_HEIGHT;
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
    laneOf: (node) => laneByNode.get(node),
    laneAt: (at) => lanes.find((lane) => at >= lane.y && at < lane.y + lane.height),
  };
}
