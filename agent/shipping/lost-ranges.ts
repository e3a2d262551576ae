/**
 * Lost ranges that still have to be declared, oldest first, bounded. Neighbours of one reason become
 * one range; past the bound the two oldest become one. That may cover events between them that arrived:
 * harmless, since a stored event beats a declaration of loss.
 */
import type { Hlc, LostRange } from "../kernel/index.ts";

export const MAX_LOST_RANGES = 64;
/** Beyond so many names a range says "all logs". */
export const MAX_LOST_LOGS = 64;

export class LostRanges {
  #ranges: LostRange[] = [];

  get isEmpty(): boolean {
    return this.#ranges.length === 0;
  }

  add(range: LostRange): void {
    const ranges = this.#ranges;
    let at = ranges.length;
    while (at > 0 && (ranges[at - 1] as LostRange).firstSeq > range.firstSeq) at -= 1;
    ranges.splice(at, 0, range);
    this.#join(at);
    if (at > 0) this.#join(at - 1);
    if (ranges.length > MAX_LOST_RANGES) {
      ranges.splice(0, 2, united(ranges[0] as LostRange, ranges[1] as LostRange));
    }
  }

  /** All of them; they are declared now. */
  take(): readonly LostRange[] {
    const taken = this.#ranges;
    this.#ranges = [];
    return taken;
  }

  #join(at: number): void {
    const first = this.#ranges[at];
    const second = this.#ranges[at + 1];
    if (first === undefined || second === undefined) return;
    if (first.lastSeq + 1 < second.firstSeq || first.reason !== second.reason) return;
    this.#ranges.splice(at, 2, united(first, second));
  }
}

function united(a: LostRange, b: LostRange): LostRange {
  const names = a.logs === null || b.logs === null ? null : [...new Set([...a.logs, ...b.logs])];
  return {
    firstSeq: a.firstSeq,
    lastSeq: Math.max(a.lastSeq, b.lastSeq),
    firstT: Math.min(a.firstT, b.firstT) as Hlc,
    lastT: Math.max(a.lastT, b.lastT) as Hlc,
    logs: names !== null && names.length > MAX_LOST_LOGS ? null : names,
    messages: a.messages || b.messages,
    reason: a.reason,
  };
}
