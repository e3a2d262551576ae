/**
 * Rows as marks: stretches of pixels for ruler, minimap and lanes. Bounded by pixels, never by rows:
 * stretches that touch are one, and say how many they stand for. What is not certain stays visible
 * when it is merged: one incomplete row makes the whole mark hatched, and a ragged end stays ragged
 * where it is the outermost.
 *
 *     ◆▔▔▔▔▔▔▔▔▔◆   a row: from its diamond to where it ends
 *     ≷▔▔▔▔▔▔▔▔≶   true since before the range began; true still where it ended, or still searched
 */
import type { TimeScale } from "../scale/time-scale.ts";
import type { ResultRow } from "./row-book.ts";

/** Stretches with less ground between them than this are one. */
const APART_PX = 1;

export interface RowMark {
  /** Pixels from the left edge, cut off a little outside the view. */
  readonly x0: number;
  readonly x1: number;
  readonly count: number;
  readonly isHatched: boolean;
  readonly isRaggedLeft: boolean;
  readonly isRaggedRight: boolean;
}

const OUTSIDE_PX = 4;

/** The marks of rows in the order of time, from left to right. Cost: linear in the rows before the right edge. */
export function rowMarks(rows: readonly ResultRow[], scale: TimeScale): readonly RowMark[] {
  const marks: RowMark[] = [];
  let open: { -readonly [Key in keyof RowMark]: RowMark[Key] } | null = null;
  const { from, to } = scale.viewport;
  for (const row of rows) {
    if (row.from > to) break;
    if (row.to < from) continue;
    const x0 = Math.max(-OUTSIDE_PX, scale.x(row.from));
    const x1 = Math.min(scale.width + OUTSIDE_PX, Math.max(x0, scale.x(row.to)));
    const isRaggedRight = row.open || row.kind === "hit";
    if (open === null || x0 - open.x1 >= APART_PX) {
      open = { x0, x1, count: 0, isHatched: false, isRaggedLeft: false, isRaggedRight: false };
      marks.push(open);
    }
    if (row.sinceStart && x0 <= open.x0) open.isRaggedLeft = true;
    if (x1 > open.x1 || open.count === 0) {
      open.x1 = x1;
      open.isRaggedRight = isRaggedRight;
    } else if (x1 === open.x1 && isRaggedRight) open.isRaggedRight = true;
    open.count += 1;
    if (!row.complete) open.isHatched = true;
  }
  return marks;
}

/** Where diamonds stand on a lane: the starts of rows that a node of it began, no two on one spot. */
export function laneMarks(
  rows: readonly ResultRow[],
  nodes: ReadonlySet<string>,
  scale: TimeScale,
  apartPx: number,
): readonly { readonly x: number; readonly isHatched: boolean; readonly count: number }[] {
  const marks: { x: number; isHatched: boolean; count: number }[] = [];
  for (const row of rows) {
    if (row.from > scale.viewport.to) break;
    if (row.from < scale.viewport.from || !row.by.some((node) => nodes.has(node))) continue;
    const x = scale.x(row.from);
    const last = marks.at(-1);
    if (last === undefined || x - last.x >= apartPx) {
      marks.push({ x, isHatched: !row.complete, count: 1 });
    } else {
      last.count += 1;
      if (!row.complete) last.isHatched = true;
    }
  }
  return marks;
}
