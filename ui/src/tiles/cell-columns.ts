/**
 * The pyramid of a tile: cells twice as wide, again and again, until one is left. Counts add up, the
 * worst latency stays the worst, and a flag stays a flag, so that what stands out is seen from any
 * height. The same rules as the collector's tiles (cut/timeline-tile.ts), hence the same numbers.
 */
import type { CellColumns } from "./tile.ts";

export function emptyCells(rows: number, lanes: number): CellColumns {
  return {
    ends: new Uint32Array(lanes),
    cell: new Uint16Array(rows),
    changes: new Uint32Array(rows),
    messages: new Uint32Array(rows),
    requests: new Uint32Array(rows),
    marks: new Uint32Array(rows),
    worstUs: new Float64Array(rows),
    flagged: new Uint8Array(rows),
  };
}

/** The columns with cells twice as wide. */
export function halved(finer: CellColumns): CellColumns {
  const wide = emptyCells(coarseRows(finer), finer.ends.length);
  let row = -1;
  let start = 0;
  for (let lane = 0; lane < finer.ends.length; lane += 1) {
    const end = finer.ends[lane] as number;
    let last = -1;
    for (let i = start; i < end; i += 1) {
      const cell = (finer.cell[i] as number) >>> 1;
      if (cell !== last) {
        row += 1;
        last = cell;
        wide.cell[row] = cell;
      }
      addRow(wide, row, finer, i);
    }
    wide.ends[lane] = row + 1;
    start = end;
  }
  return wide;
}

function coarseRows({ ends, cell }: CellColumns): number {
  let count = 0;
  let start = 0;
  for (const end of ends) {
    let last = -1;
    for (let i = start; i < end; i += 1) {
      const wide = (cell[i] as number) >>> 1;
      if (wide !== last) count += 1;
      last = wide;
    }
    start = end;
  }
  return count;
}

/** Adds row `i` of `from` to a row of `to`. */
export function addRow(to: CellColumns, row: number, from: CellColumns, i: number): void {
  to.changes[row] = (to.changes[row] as number) + (from.changes[i] as number);
  to.messages[row] = (to.messages[row] as number) + (from.messages[i] as number);
  to.requests[row] = (to.requests[row] as number) + (from.requests[i] as number);
  to.marks[row] = (to.marks[row] as number) + (from.marks[i] as number);
  to.worstUs[row] = Math.max(to.worstUs[row] as number, from.worstUs[i] as number);
  to.flagged[row] = (to.flagged[row] as number) | (from.flagged[i] as number);
}

/** The columns and all wider ones, up to a single cell of `cellCount`. */
export function pyramidOf(finest: CellColumns, cellCount: number): CellColumns[] {
  const levels = [finest];
  for (let cells = cellCount; cells > 1; cells = Math.ceil(cells / 2)) {
    levels.push(halved(levels.at(-1) as CellColumns));
  }
  return levels;
}

/** Bytes of all columns. */
export function bytesOfColumns(columns: object): number {
  return Object.values(columns).reduce(
    (sum: number, column: unknown) => sum + (ArrayBuffer.isView(column) ? column.byteLength : 0),
    0,
  );
}
