/**
 * The box that is drawn on the heat map: a stretch of time and a band of latency, on the edges of windows and cells, so
 * that its count is exact. It grows from one corner, by pointer or by Shift and arrows.
 */
import { type Hlc, TICKS_PER_MS } from "../../../agent/kernel/index.ts";
import type { LatencyBox } from "../model/choices.ts";
import { clampTicks, type Viewport } from "../scale/time-scale.ts";
import { clockText, durationText, microsText } from "../scale/time-words.ts";
import { cellAt, type HeatMap } from "./heat-map.ts";

/** A place on the heat map. */
export interface Corner {
  readonly t: Hlc;
  readonly us: number;
}

/** The smallest box of whole windows and cells around both. */
export function boxAround(map: HeatMap, one: Corner, other: Corner): LatencyBox {
  const [a, b] = [windowAround(map, one.t), windowAround(map, other.t)];
  const [c, d] = [cellAt(one.us), cellAt(other.us)];
  return {
    from: Math.min(a.from, b.from) as Hlc,
    to: Math.max(a.to, b.to) as Hlc,
    lowUs: Math.min(c.lowUs, d.lowUs),
    highUs: Math.max(c.highUs, d.highUs),
  };
}

/** Windows lie on a grid; where a column is, on its own edges. */
function windowAround({ columns, windowTicks }: HeatMap, t: Hlc): Viewport {
  const origin = columns[0]?.from ?? 0;
  const from = origin + Math.floor((t - origin) / windowTicks) * windowTicks;
  return { from: clampTicks(from), to: clampTicks(from + windowTicks) };
}

/** The cell with the slowest requests in view: where a box begins that nobody has drawn yet. */
export function slowestCell(map: HeatMap, view: Viewport): LatencyBox | null {
  let worst: LatencyBox | null = null;
  for (const { from, to, cells } of map.columns) {
    const last = cells.at(-1);
    if (last === undefined || from < view.from || to > view.to) continue;
    if (worst === null || last.lowUs > worst.lowUs) {
      worst = { from, to, lowUs: last.lowUs, highUs: last.highUs };
    }
  }
  return worst;
}

export type Edge = "left" | "right" | "up" | "down";

/** The box with its right edge moved by a window, or its upper edge by a cell; never empty. */
export function grown(map: HeatMap, box: LatencyBox, edge: Edge): LatencyBox {
  const { windowTicks } = map;
  if (edge === "right") return { ...box, to: clampTicks(box.to + windowTicks) };
  if (edge === "left") {
    return { ...box, to: clampTicks(Math.max(box.from + windowTicks, box.to - windowTicks)) };
  }
  if (edge === "up") return { ...box, highUs: cellAt(box.highUs).highUs };
  return { ...box, highUs: Math.max(cellAt(box.lowUs).highUs, cellAt(box.highUs - 1).lowUs) };
}

/** The box moved by a window or a cell, of the same extent in windows, and in cells but for their width. */
export function movedBox(map: HeatMap, box: LatencyBox, edge: Edge): LatencyBox {
  const by = edge === "right" ? map.windowTicks : edge === "left" ? -map.windowTicks : 0;
  if (by !== 0) return { ...box, from: clampTicks(box.from + by), to: clampTicks(box.to + by) };
  if (edge === "up") {
    return { ...box, lowUs: cellAt(box.lowUs).highUs, highUs: cellAt(box.highUs).highUs };
  }
  if (box.lowUs === 0) return box;
  return { ...box, lowUs: cellAt(box.lowUs - 1).lowUs, highUs: cellAt(box.highUs - 1).lowUs };
}

/** `16:00:09.200, 50 ms long, requests of 8 ms to 16 ms`. */
export function boxWords({ from, to, lowUs, highUs }: LatencyBox): string {
  return `${clockText(from)}, ${durationText(to - from)} long, requests of ${bandText(lowUs)} to ${bandText(highUs)}`;
}

/** A latency as an axis has it. */
export function bandText(us: number): string {
  return us === 0 ? "0 ms" : microsText(us);
}

/** Whether a request that ended at `t` lies in it. */
export function isInBox(box: LatencyBox, t: number, us: number): boolean {
  return t >= box.from && t < box.to && us >= box.lowUs && us < box.highUs;
}

/** The longest box whose requests are read. */
export const MAX_BOX_TICKS: number = 24 * 3_600_000 * TICKS_PER_MS;
