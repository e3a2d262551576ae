/**
 * Arithmetic of seqs: which are stored, which are declared lost, which are missing. Pure.
 *
 *     seq      1 ............ 40    41 ... 50    51 ........ 90    91 ... 95    96 ... 99
 *              stored               lost         stored            (a hole)     stored
 *                                                            ^ contiguousSeq = 90
 *
 * Stored ranges are ascending, disjoint and do not touch; nearly always there is one. Lost ranges are
 * ascending, disjoint, and hold no stored seq: a stored event beats a declaration of loss. The only
 * exception are lost ranges folded for their number (lost-ranges.ts), which lie inside a stored range.
 */
import type { Hlc, LostRange } from "../../agent/kernel/index.ts";
import type { SeqRange, StoredRange } from "../store/history-store.ts";

/** The parts of [first, last] that are in no stored range, ascending. */
export function missingIn(stored: readonly SeqRange[], first: number, last: number): SeqRange[] {
  const missing: SeqRange[] = [];
  let next = first;
  for (let i = firstEndingAtOrAfter(stored, first); i < stored.length && next <= last; i += 1) {
    const range = stored[i] as SeqRange;
    if (range.first > last) break;
    if (range.first > next) missing.push({ first: next, last: range.first - 1 });
    next = range.last + 1;
  }
  if (next <= last) missing.push({ first: next, last });
  return missing;
}

/** The stored ranges with one more, which overlaps none of them; neighbours that touch are joined. */
export function withStored(stored: readonly StoredRange[], added: StoredRange): StoredRange[] {
  const at = firstEndingAtOrAfter(stored, added.first);
  const before = stored[at - 1];
  const after = stored[at];
  let joined = added;
  let start = at;
  let end = at;
  if (before !== undefined && before.last + 1 === added.first) {
    joined = { ...joined, first: before.first, firstT: before.firstT };
    start -= 1;
  }
  if (after !== undefined && added.last + 1 === after.first) {
    joined = { ...joined, last: after.last, lastT: after.lastT, closed: after.closed };
    end += 1;
  }
  return [...stored.slice(0, start), joined, ...stored.slice(end)];
}

/** The stored ranges next to a missing range: the last before it, the first after it. */
export function neighbours(
  stored: readonly StoredRange[],
  range: SeqRange,
): { readonly before: StoredRange | undefined; readonly after: StoredRange | undefined } {
  const at = firstEndingAtOrAfter(stored, range.first);
  return { before: stored[at - 1], after: stored[at] };
}

/**
 * What stays lost once `stored` is there. Bounds in time become those of what is stored: all that comes
 * before it is not later than its first event, and all that follows it, next to it or not, is later than
 * was promised with it. So a cut between its last event and that promise is complete.
 */
export function lostWithout(lost: readonly LostRange[], stored: StoredRange): LostRange[] {
  const rest: LostRange[] = [];
  for (const range of lost) {
    if (range.firstSeq < stored.first) {
      const lastSeq = Math.min(range.lastSeq, stored.first - 1);
      rest.push(endingBy({ ...range, lastSeq }, stored.firstT));
    }
    if (range.lastSeq > stored.last) {
      const firstSeq = Math.max(range.firstSeq, stored.last + 1);
      rest.push(beginningAt({ ...range, firstSeq }, (stored.closed + 1) as Hlc));
    }
  }
  return rest;
}

function endingBy(range: LostRange, t: Hlc): LostRange {
  return { ...range, lastT: Math.max(range.firstT, Math.min(range.lastT, t)) as Hlc };
}

function beginningAt(range: LostRange, t: Hlc): LostRange {
  return { ...range, firstT: Math.min(range.lastT, Math.max(range.firstT, t)) as Hlc };
}

/** The parts of a declaration that are news: neither stored nor declared before. */
export function newlyLost(
  stored: readonly StoredRange[],
  lost: readonly LostRange[],
  declared: LostRange,
): LostRange[] {
  let parts: LostRange[] = [declared];
  const first = firstEndingAtOrAfter(stored, declared.firstSeq);
  // From the neighbour before it to the one behind it: they bound its times.
  for (let i = Math.max(0, first - 1); i < stored.length; i += 1) {
    const range = stored[i] as StoredRange;
    parts = lostWithout(parts, range);
    if (range.first > declared.lastSeq) break;
  }
  for (const known of lost) {
    if (known.lastSeq < declared.firstSeq || known.firstSeq > declared.lastSeq) continue;
    parts = parts.flatMap((part) => outside(part, known));
  }
  return parts;
}

/**
 * The times of a lost range are bounds, not stamps of its first and last event: what follows it is not
 * earlier than its `firstT`, what comes before it not later than its `lastT`.
 */
function outside(part: LostRange, known: LostRange): LostRange[] {
  if (known.lastSeq < part.firstSeq || known.firstSeq > part.lastSeq) return [part];
  const rest: LostRange[] = [];
  if (part.firstSeq < known.firstSeq) {
    rest.push(endingBy({ ...part, lastSeq: known.firstSeq - 1 }, known.lastT));
  }
  if (part.lastSeq > known.lastSeq) {
    rest.push(beginningAt({ ...part, firstSeq: known.lastSeq + 1 }, known.firstT));
  }
  return rest;
}

/** The lost ranges when everything after `seq` is known to be later than `closed`. */
export function lostAfter(lost: readonly LostRange[], seq: number, closed: Hlc): LostRange[] {
  return lost.map((range) =>
    range.firstSeq > seq ? beginningAt(range, (closed + 1) as Hlc) : range,
  );
}

/** Lost ranges with more, by firstSeq. */
export function withLost(lost: readonly LostRange[], added: readonly LostRange[]): LostRange[] {
  if (added.length === 0) return [...lost];
  return [...lost, ...added].sort((a, b) => a.firstSeq - b.firstSeq);
}

/** Last seq up to which everything is stored or declared lost; 0 if seq 1 is missing. */
export function contiguousSeq(stored: readonly SeqRange[], lost: readonly LostRange[]): number {
  let seq = 0;
  let s = 0;
  let l = 0;
  for (;;) {
    const range = stored[s];
    const gap = lost[l];
    if (range !== undefined && range.first <= seq + 1) {
      seq = Math.max(seq, range.last);
      s += 1;
    } else if (gap !== undefined && gap.firstSeq <= seq + 1) {
      seq = Math.max(seq, gap.lastSeq);
      l += 1;
    } else {
      return seq;
    }
  }
}

/** Index of the first range with `last >= seq`, or the length. Looks at the end first: appends are the rule. */
function firstEndingAtOrAfter(ranges: readonly SeqRange[], seq: number): number {
  const last = ranges[ranges.length - 1];
  if (last === undefined || last.last < seq) return ranges.length;
  let low = 0;
  let high = ranges.length - 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if ((ranges[middle] as SeqRange).last < seq) low = middle + 1;
    else high = middle;
  }
  return low;
}
