/** A set of window indexes, as disjoint ranges [start, end) that do not touch, ascending. */
export interface IndexRange {
  readonly start: number;
  readonly end: number;
}

export class IndexRanges {
  #ranges: readonly IndexRange[] = [];

  /** How many ranges it takes. */
  get rangeCount(): number {
    return this.#ranges.length;
  }

  add(start: number, end: number): void {
    if (start >= end) return;
    const last = this.#ranges.at(-1);
    if (last === undefined || last.end < start) {
      this.#ranges = [...this.#ranges, { start, end }];
      return;
    }
    const before = this.#ranges.filter((one) => one.end < start);
    const after = this.#ranges.filter((one) => one.start > end);
    const touched = this.#ranges.slice(before.length, this.#ranges.length - after.length);
    const joined = {
      start: Math.min(start, touched[0]?.start ?? start),
      end: Math.max(end, touched.at(-1)?.end ?? end),
    };
    this.#ranges = [...before, joined, ...after];
  }

  remove(start: number, end: number): void {
    if (start >= end) return;
    this.#ranges = this.#ranges.flatMap((one) => {
      if (one.end <= start || one.start >= end) return [one];
      const rest: IndexRange[] = [];
      if (one.start < start) rest.push({ start: one.start, end: start });
      if (one.end > end) rest.push({ start: end, end: one.end });
      return rest;
    });
  }

  /** How many of [start, end) are in it. */
  countIn(start: number, end: number): number {
    let count = 0;
    for (const one of this.#ranges) {
      count += Math.max(0, Math.min(end, one.end) - Math.max(start, one.start));
    }
    return count;
  }

  /** The first stretch of [start, end) that is not in it; undefined: all is. */
  firstMissing(start: number, end: number): IndexRange | undefined {
    let next = start;
    for (const one of this.#ranges) {
      if (one.start > next) break;
      next = Math.max(next, one.end);
    }
    if (next >= end) return undefined;
    const beyond = this.#ranges.find((one) => one.start > next);
    return { start: next, end: Math.min(end, beyond?.start ?? end) };
  }
}
