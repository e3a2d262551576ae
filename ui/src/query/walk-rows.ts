/** N and P: from row to row by time, and where among them one stands. */
import type { Hlc } from "../../../agent/kernel/index.ts";
import { countText } from "../scale/time-words.ts";
import type { RunPhase } from "./query-run.ts";
import type { ResultRow } from "./row-book.ts";

/**
 * The place of the row to go to. Where the cut stands on the selected row, its neighbour; from
 * anywhere else the nearest row that begins after the cut, or before it. So rows that begin at one
 * tick are all visited, and a walk goes on from wherever a person has moved the cut meanwhile.
 * Undefined at the end of the list. Cost: logarithmic.
 */
export function nextPlace(
  rows: readonly ResultRow[],
  selected: number | undefined,
  cut: Hlc | null,
  direction: 1 | -1,
): number | undefined {
  const at = selected === undefined ? undefined : rows[selected];
  if (at !== undefined && (cut === null || at.from === cut)) {
    const next = (selected as number) + direction;
    return next >= 0 && next < rows.length ? next : undefined;
  }
  if (cut === null) return rows.length === 0 ? undefined : direction === 1 ? 0 : rows.length - 1;
  if (direction === 1) {
    const after = placeAfter(rows, cut);
    return after < rows.length ? after : undefined;
  }
  const before = placeAfter(rows, (cut - 1) as Hlc) - 1;
  return before >= 0 ? before : undefined;
}

/** The first row that begins later than `t`; the number of rows where none does. */
function placeAfter(rows: readonly ResultRow[], t: Hlc): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((rows[middle] as ResultRow).from <= t) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Whether more rows may come, or would have come. */
export function mayBeMore(phase: RunPhase, isWhole: boolean): boolean {
  return phase !== "ended" || !isWhole;
}

/** `12 of 340+`: the plus where there may be more than are known. */
export function positionText(place: number | undefined, count: number, isMore: boolean): string {
  const all = `${countText(count)}${isMore ? "+" : ""}`;
  return place === undefined ? all : `${countText(place + 1)} of ${all}`;
}
