/**
 * Which cuts are told though nothing turns at them: those by which a NOT FOLLOWED BY is decided, where that may
 * end a search (FIRST, LIMIT). How many cuts were searched by then is part of the answer.
 *
 *     p   ___|‾‾|_____|‾‾|______
 *     cuts   c  c c  c    c  c c
 *            s    told    s'   told       the first cut later than s + d
 *
 * What began in slices before is not known here. It is decided by `after` + d at the latest: up to the first
 * cut behind that every cut is told.
 */
export class Deadlines {
  readonly #ticks: number;
  #eachUntil = 0;
  #isEachTold = true;
  /** In order. */
  #waiting: number[] = [];
  #p = 0;

  /** @param ticks of the window */
  constructor(ticks: number) {
    this.#ticks = ticks;
  }

  /** A slice begins, the condition being `p`. */
  open(after: number, p: number): void {
    this.#eachUntil = after + this.#ticks;
    this.#isEachTold = true;
    this.#waiting = [];
    this.#p = p;
  }

  /** To be asked at every cut, in order. */
  isDue(t: number, p: number): boolean {
    let isDue = this.#isEachTold;
    if (t > this.#eachUntil) this.#isEachTold = false;
    if ((this.#waiting[0] ?? t) < t) {
      isDue = true;
      const first = this.#waiting.findIndex((until) => until >= t);
      this.#waiting = first < 0 ? [] : this.#waiting.slice(first);
    }
    if (p === 1 && this.#p !== 1) this.#waiting.push(t + this.#ticks);
    this.#p = p;
    return isDue;
  }
}
