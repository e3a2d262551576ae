/**
 * Keeps what an epoch's record says of losses small, without ever saying less than is lost. Pure.
 *
 * - Neighbours with the same reason and logs become one: nothing is said less precisely. Neighbours
 *   that were not captured become one whatever logs they name: an on-demand node declares some every
 *   second, for weeks.
 * - A range that names many logs names none, which means all.
 * - Beyond `MAX_LOST_RANGES` the two closest in time are folded into one, with what is stored between
 *   them. From then on the stored events inside count as lost too, and what was lost is beyond repair:
 *
 *     stored   1 ... 10 |      | 13 ... 20 |      | 26 ... 30        1 ............... 30
 *     lost              | 11 12|           | 21 25|             -->          11 ... 25
 *
 *   To readers a lost range therefore covers all its seqs, stored ones as well.
 */
import type { Hlc, LostRange } from "../../agent/kernel/index.ts";
import type { StoredRange } from "../store/history-store.ts";

/** Lost ranges kept apart per epoch. */
export const MAX_LOST_RANGES = 1_024;
/** Logs named per lost range; one that has more is said to be of all logs. */
export const MAX_LOGS_PER_LOST_RANGE = 64;
/** Characters of log names in all lost ranges of an epoch; beyond, the oldest name none. */
export const MAX_LOST_NAME_LENGTH: number = 128 * 1024;

const NOT_CAPTURED = "not-captured";

export interface Gaps {
  readonly stored: readonly StoredRange[];
  readonly lost: readonly LostRange[];
}

/** The same gaps within the limits. */
export function boundedGaps({ stored, lost }: Gaps): Gaps {
  let gaps: Gaps = { stored, lost: withNamesBounded(joinedNeighbours(lost)) };
  while (gaps.lost.length > MAX_LOST_RANGES) {
    const folded = foldClosest(gaps);
    if (folded === undefined) break; // open holes everywhere: their number has a limit of its own
    gaps = folded;
  }
  return gaps;
}

function joinedNeighbours(lost: readonly LostRange[]): LostRange[] {
  const joined: LostRange[] = [];
  for (const range of lost) {
    const before = joined.at(-1);
    if (before === undefined || !isContinued(before, range)) joined.push(range);
    else joined[joined.length - 1] = union(before, range);
  }
  return joined;
}

function isContinued(a: LostRange, b: LostRange): boolean {
  if (a.lastSeq + 1 !== b.firstSeq || a.reason !== b.reason) return false;
  if (a.reason === NOT_CAPTURED) return true;
  if (a.logs === null || b.logs === null) return a.logs === b.logs;
  const names = new Set(a.logs);
  return names.size === b.logs.length && b.logs.every((log) => names.has(log));
}

function union(a: LostRange, b: LostRange): LostRange {
  const logs = a.logs === null || b.logs === null ? null : [...new Set([...a.logs, ...b.logs])];
  return {
    ...a,
    lastSeq: b.lastSeq,
    firstT: Math.min(a.firstT, b.firstT) as Hlc,
    lastT: Math.max(a.lastT, b.lastT) as Hlc,
    logs: logs !== null && logs.length > MAX_LOGS_PER_LOST_RANGE ? null : logs,
    messages: a.messages || b.messages,
    // Of a mixed range some will not come, whoever asks.
    reason: a.reason === NOT_CAPTURED ? b.reason : a.reason,
  };
}

function withNamesBounded(lost: readonly LostRange[]): LostRange[] {
  const bounded = lost.map((range) =>
    range.logs !== null && range.logs.length > MAX_LOGS_PER_LOST_RANGE
      ? { ...range, logs: null }
      : range,
  );
  let length = bounded.reduce((sum, range) => sum + nameLength(range), 0);
  for (let i = 0; length > MAX_LOST_NAME_LENGTH && i < bounded.length; i += 1) {
    const range = bounded[i] as LostRange;
    length -= nameLength(range);
    bounded[i] = { ...range, logs: null };
  }
  return bounded;
}

function nameLength({ logs }: LostRange): number {
  return logs === null ? 0 : logs.reduce((sum, log) => sum + log.length, 0);
}

/** Folds the two neighbours that are closest in time; only such as have no open hole between them. */
function foldClosest({ stored, lost }: Gaps): Gaps | undefined {
  let at = -1;
  let least = Number.POSITIVE_INFINITY;
  let s = 0;
  for (let i = 0; i + 1 < lost.length; i += 1) {
    const [a, b] = [lost[i] as LostRange, lost[i + 1] as LostRange];
    while (s < stored.length && (stored[s] as StoredRange).last < b.firstSeq - 1) s += 1;
    const between = stored[s];
    const isFull =
      a.lastSeq + 1 === b.firstSeq ||
      (between !== undefined && between.first <= a.lastSeq + 1 && between.last >= b.firstSeq - 1);
    if (!isFull || b.firstT - a.lastT >= least) continue;
    least = b.firstT - a.lastT;
    at = i;
  }
  if (at < 0) return undefined;
  const folded = union(lost[at] as LostRange, lost[at + 1] as LostRange);
  return {
    stored: storedWith(stored, folded),
    lost: [...lost.slice(0, at), folded, ...lost.slice(at + 2)],
  };
}

/** The stored ranges with all of a lost range among them: none of its seqs is wanted any more. */
function storedWith(stored: readonly StoredRange[], lost: LostRange): StoredRange[] {
  const touching = stored.filter(
    ({ first, last }) => last + 1 >= lost.firstSeq && first <= lost.lastSeq + 1,
  );
  const first = touching[0];
  const last = touching.at(-1);
  const isBefore = first !== undefined && first.first < lost.firstSeq;
  const isAfter = last !== undefined && last.last > lost.lastSeq;
  const joined: StoredRange = {
    first: isBefore ? first.first : lost.firstSeq,
    firstT: isBefore ? first.firstT : lost.firstT,
    last: isAfter ? last.last : lost.lastSeq,
    lastT: isAfter ? last.lastT : lost.lastT,
    closed: isAfter ? last.closed : lost.lastT,
  };
  return [
    ...stored.filter((range) => range.last + 1 < lost.firstSeq),
    joined,
    ...stored.filter((range) => range.first > lost.lastSeq + 1),
  ];
}
