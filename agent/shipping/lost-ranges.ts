/**
 * Lost ranges that still have to be declared: disjoint, in seq order, bounded.
 *
 *     known      |--- 1..12, overflow ---|
 *     added            | 10....15, refused |
 *     kept       |--- 1..12, overflow ---| 13..15, refused |
 *
 * A seq is declared once, for the reason that was given first; what a later declaration says beside
 * (logs, times, messages) is added to the range that has it, since it may know more. Neighbours of one
 * reason become one range. Past the bound the two oldest become one; that may cover events between them
 * that arrived: harmless, since a stored event beats a declaration of loss.
 */
import type { Hlc, LostRange } from "../kernel/index.ts";

export const MAX_LOST_RANGES = 64;
/** Beyond so many names a range says "all logs". */
export const MAX_LOST_LOGS = 64;

export class LostRanges {
  #ranges: readonly LostRange[] = [];

  get isEmpty(): boolean {
    return this.#ranges.length === 0;
  }

  add(added: LostRange): void {
    const ranges: LostRange[] = [];
    let next = added.firstSeq;
    for (const known of this.#ranges) {
      const isBefore = known.lastSeq < added.firstSeq;
      const isBeyond = known.firstSeq > added.lastSeq;
      if (!isBefore && next < known.firstSeq && next <= added.lastSeq) {
        const lastSeq = Math.min(added.lastSeq, known.firstSeq - 1);
        push(ranges, { ...added, firstSeq: next, lastSeq });
      }
      push(ranges, isBefore || isBeyond ? known : widened(known, added));
      if (!isBefore) next = Math.max(next, known.lastSeq + 1);
    }
    if (next <= added.lastSeq) push(ranges, { ...added, firstSeq: next });
    while (ranges.length > MAX_LOST_RANGES) {
      ranges.splice(0, 2, united(ranges[0] as LostRange, ranges[1] as LostRange));
    }
    this.#ranges = ranges;
  }

  /** All of them; they are declared now. */
  take(): readonly LostRange[] {
    const taken = this.#ranges;
    this.#ranges = [];
    return taken;
  }
}

/** Adds a range behind all others, to the last one if it goes on from there for the same reason. */
function push(ranges: LostRange[], range: LostRange): void {
  const last = ranges.at(-1);
  const goesOn =
    last !== undefined && last.lastSeq + 1 === range.firstSeq && last.reason === range.reason;
  if (goesOn) ranges[ranges.length - 1] = united(last, range);
  else ranges.push(range);
}

/** Two ranges, and what is between them, as one: for the first one's reason. */
function united(a: LostRange, b: LostRange): LostRange {
  return { ...widened(a, b), lastSeq: Math.max(a.lastSeq, b.lastSeq) };
}

/** The range, with what another says about its events. */
function widened(range: LostRange, by: LostRange): LostRange {
  const { logs } = range;
  const names = logs === null || by.logs === null ? null : [...new Set([...logs, ...by.logs])];
  return {
    ...range,
    firstT: Math.min(range.firstT, by.firstT) as Hlc,
    lastT: Math.max(range.lastT, by.lastT) as Hlc,
    logs: names !== null && names.length > MAX_LOST_LOGS ? null : names,
    messages: range.messages || by.messages,
  };
}
