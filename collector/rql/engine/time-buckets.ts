/**
 * Rows into buckets by time: what time-merge.ts puts rows in order with. Hot: benches `walk`, `walk-wide`.
 *
 *     bucket    (t - first) * scale, whole        counted first, then each row goes where its bucket is
 */
import type { RowBuffer } from "../../cut/row-buffer.ts";

/** Rows in order of time. `t[count]` is infinite. */
export interface Window {
  count: number;
  t: Float64Array;
  cell: Uint32Array;
  /** NaN: `given` tells what it is. */
  number: Float64Array;
}

/** Counts rows [at, stop) by bucket. */
export function countInto(
  counts: Uint32Array,
  t: Float64Array,
  at: number,
  stop: number,
  first: number,
  scale: number,
): void {
  for (let i = at; i < stop; i += 1) {
    const bucket = (((t[i] as number) - first) * scale) >>> 0;
    counts[bucket] = (counts[bucket] as number) + 1;
  }
}

/** Puts the rows of a stream up to `stop` into `out`, each at the next place of its bucket. */
export function dealRows(
  rows: RowBuffer,
  stop: number,
  node: number,
  nodes: number,
  first: number,
  scale: number,
  starts: Uint32Array,
  out: Window,
): void {
  const { t, number, at, column, columns } = rows;
  const { t: outT, cell: outCell, number: outNumber } = out;
  const isOne = column >= 0;
  const only = column * nodes + node;
  for (let i = at; i < stop; i += 1) {
    const moment = t[i] as number;
    const bucket = ((moment - first) * scale) >>> 0;
    const to = starts[bucket] as number;
    starts[bucket] = to + 1;
    outT[to] = moment;
    outCell[to] = isOne ? only : (columns[i] as number) * nodes + node;
    outNumber[to] = number[i] as number;
  }
}
