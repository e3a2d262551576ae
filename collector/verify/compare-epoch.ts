/** What an epoch's record says is stored, against what the batches that were met cover. */
import type { EpochRecord, TimedRange } from "../store/history-store.ts";
import type { WalkContext } from "./walk-context.ts";

/** Notes every seq that one side has and the other has not. */
export function compareEpoch(walk: WalkContext, record: EpochRecord): void {
  const covered = walk.covered.get(record.id)?.ranges ?? [];
  const pruned = walk.marks.get(record.id)?.seq ?? 0;
  const served = record.stored.flatMap((range) =>
    range.last <= pruned ? [] : [{ ...range, first: Math.max(range.first, pruned + 1) }],
  );
  for (const range of without(served, covered)) {
    const detail = `seqs ${range.first} to ${range.last} are stored, says the epoch, and no batch holds them`;
    walk.note("batch", "missing", detail, { epochId: record.id, range });
  }
  for (const range of without(covered, record.stored)) {
    const detail = `a batch holds seqs ${range.first} to ${range.last}, of which the epoch does not know`;
    walk.note("batch", "unrecorded", detail, { epochId: record.id, range });
  }
}

/**
 * The parts of `ranges` that `others` do not cover; both ascending and disjoint. A part has the times
 * of its range, or of the neighbours that bound it.
 */
export function without(
  ranges: readonly TimedRange[],
  others: readonly TimedRange[],
): readonly TimedRange[] {
  const parts: TimedRange[] = [];
  let next = 0;
  for (const range of ranges) {
    let { first, firstT } = range;
    while (next < others.length && (others[next] as TimedRange).last < first) next += 1;
    for (let i = next; i < others.length; i += 1) {
      const other = others[i] as TimedRange;
      if (other.first > range.last) break;
      if (other.first > first) {
        parts.push({ first, last: other.first - 1, firstT, lastT: other.firstT });
      }
      first = Math.max(first, other.last + 1);
      firstT = other.lastT;
    }
    if (first <= range.last) parts.push({ first, last: range.last, firstT, lastT: range.lastT });
  }
  return parts;
}
