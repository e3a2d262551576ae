/**
 * The thick line as a path through the rows: straight where nothing is bent, else a step at each bent
 * lane. A folded row stands where the node of it that goes back farthest does.
 */
import type { Hlc } from "../../../agent/kernel/index.ts";
import type { TimeScale } from "../scale/time-scale.ts";
import type { Bend } from "./bends.ts";
import type { LaneLayout } from "./lane-layout.ts";

export interface PathPoint {
  readonly x: number;
  /** From the top of all rows. */
  readonly y: number;
}

/** Corners from top to bottom, as far as `height`; at least two. */
export function bendPath(
  layout: LaneLayout,
  scale: TimeScale,
  at: Hlc,
  bends: ReadonlyMap<string, Bend> | null,
  height: number,
): readonly PathPoint[] {
  const straight = scale.x(at);
  const points: PathPoint[] = [{ x: straight, y: 0 }];
  for (const row of layout.lanes) {
    const ticks = row.nodes.flatMap(({ node }) => bends?.get(node)?.at ?? []);
    if (ticks.length === 0) continue;
    const x = scale.x(Math.min(...ticks));
    points.push(
      { x: straight, y: row.y },
      { x, y: row.y },
      { x, y: row.y + row.height },
      { x: straight, y: row.y + row.height },
    );
  }
  points.push({ x: straight, y: Math.max(height, layout.height) });
  return points.filter((point, place) => {
    const before = points[place - 1];
    return before?.x !== point.x || before.y !== point.y;
  });
}
