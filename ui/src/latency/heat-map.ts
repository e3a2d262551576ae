/**
 * An answer of `/api/latency` as the page draws it: columns of windows, in each the occupied cells with their counts.
 * Counts are those that the collector merged; nothing is guessed from a percentile.
 */
import { type Hlc, TICKS_PER_MS } from "../../../agent/kernel/index.ts";
import type {
  LatencySeriesJson,
  LatencyWindowJson,
} from "../../../collector/api/bottleneck-shapes.ts";
import { ticksOf } from "../api/client.ts";
import { clampTicks, type Viewport } from "../scale/time-scale.ts";
import { CELLS_PER_DOUBLING } from "./latency-question.ts";

/** Microseconds: from `lowUs` on, up to but not with `highUs`. */
export interface LatencyBand {
  readonly lowUs: number;
  readonly highUs: number;
}

export interface HeatCell extends LatencyBand {
  readonly count: number;
}

/** One window: [from, to). */
export interface HeatColumn extends Viewport {
  readonly json: LatencyWindowJson;
  readonly cells: readonly HeatCell[];
}

export interface HeatMap {
  readonly side: LatencySeriesJson["side"];
  readonly windowTicks: number;
  /** Ascending; windows without requests have none. */
  readonly columns: readonly HeatColumn[];
  /** Requests of the fullest cell; 0 without any. */
  readonly most: number;
  /** Around all cells; null without any. */
  readonly band: LatencyBand | null;
}

/** How many whole microseconds the cell that begins at `lowUs` holds. */
export function cellWidth(lowUs: number): number {
  if (lowUs < 2 * CELLS_PER_DOUBLING) return 1;
  return 2 ** Math.floor(Math.log2(lowUs)) / CELLS_PER_DOUBLING;
}

/** The cell that a latency lies in. */
export function cellAt(us: number): LatencyBand {
  const width = cellWidth(Math.max(0, us));
  const lowUs = Math.floor(Math.max(0, us) / width) * width;
  return { lowUs, highUs: lowUs + width };
}

export function heatMapOf({ side, windowMs, windows }: LatencySeriesJson): HeatMap {
  const windowTicks = windowMs * TICKS_PER_MS;
  let most = 0;
  let lowest = Number.POSITIVE_INFINITY;
  let highest = 0;
  const columns = windows.map(({ start, ...json }): HeatColumn => {
    const from = ticksOf(start);
    const cells = json.buckets.map(([lowUs, count]) => {
      const highUs = lowUs + cellWidth(lowUs);
      most = Math.max(most, count);
      lowest = Math.min(lowest, lowUs);
      highest = Math.max(highest, highUs);
      return { lowUs, highUs, count };
    });
    return { from, to: clampTicks(from + windowTicks), json, cells };
  });
  const band = highest === 0 ? null : { lowUs: lowest, highUs: highest };
  return { side, windowTicks, columns, most, band };
}

/** The columns that reach into the view. */
export function columnsIn({ columns }: HeatMap, view: Viewport): readonly HeatColumn[] {
  return columns.filter(({ from, to }) => from < view.to && to > view.from);
}

/** The column that holds `t`; undefined where no request ended in its window. */
export function columnAt({ columns }: HeatMap, t: Hlc): HeatColumn | undefined {
  return columns.find(({ from, to }) => t >= from && t < to);
}

/** Requests of the cells inside: exact where the edges lie on cells and windows. */
export function countIn(map: HeatMap, { from, to, lowUs, highUs }: Viewport & LatencyBand): number {
  let count = 0;
  for (const column of map.columns) {
    if (column.from < from || column.to > to) continue;
    for (const cell of column.cells) {
      if (cell.lowUs >= lowUs && cell.highUs <= highUs) count += cell.count;
    }
  }
  return count;
}
