/**
 * The lines below the heat map: p50, p95, p99 and max of each window, at its middle. A line stops where a window has
 * too few requests for it, or none: nothing is drawn across what is not known.
 */
import type { LatencyWindowJson } from "../../../collector/api/bottleneck-shapes.ts";
import type { HeatMap } from "./heat-map.ts";

export const LINE_NAMES = ["p50", "p95", "p99", "max"] as const;
export type LineName = (typeof LINE_NAMES)[number];

/** Microseconds; null where there is none. */
export function lineValue(window: LatencyWindowJson, name: LineName): number | null {
  if (name === "max") return window.maxUs;
  return window[`${name}Us`];
}

export interface LinePoint {
  /** The middle of the window, in ticks. */
  readonly t: number;
  readonly us: number;
}

/** Stretches without a break, each of one point at least. */
export function lineOf({ columns, windowTicks }: HeatMap, name: LineName): readonly LinePoint[][] {
  const parts: LinePoint[][] = [];
  let end: number | null = null;
  for (const { from, json } of columns) {
    const us = lineValue(json, name);
    if (us === null) {
      end = null;
      continue;
    }
    const point = { t: from + windowTicks / 2, us };
    if (end === from) parts.at(-1)?.push(point);
    else parts.push([point]);
    end = from + windowTicks;
  }
  return parts;
}
