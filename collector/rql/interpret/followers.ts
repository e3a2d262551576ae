/**
 * `p THEN q WITHIN d` and `p NOT FOLLOWED BY q WITHIN d`: what becomes of each start of p.
 *
 *     p  ____|‾‾‾|_______        s = the start; q is looked at from s to s + d, both included
 *     q  _________|‾‾|___        THEN: a row [s, first q).  NOT FOLLOWED BY: a row [s, s + d) if q is
 *            s    q   s+d        false throughout
 *
 * A start is undecided, and counted, if q is unknown somewhere in its time and nothing else decides,
 * or if the range ends before its time does. An interval that held at the start of the range has no
 * known start, and begins nothing. Starts are decided in their order.
 */
import type { Hlc } from "../../../agent/kernel/index.ts";
import { type Truth, Unknown } from "../values/datum.ts";
import type { Emit, Finding } from "./row.ts";
import { RunEnded } from "./run-context.ts";
import type { Shortfall } from "./shortfalls.ts";

interface Waiting {
  readonly start: Finding;
  /** The last instant at which q counts; between two ticks where d is. */
  readonly until: number;
  readonly shortfalls: Set<Shortfall>;
  hasUnknown: boolean;
}

export class Followers {
  readonly #isThen: boolean;
  readonly #ticks: number;
  readonly #most: number;
  readonly #emit: Emit;
  readonly #isEnough: () => boolean;
  #waiting: Waiting[] = [];
  #undecided = 0;
  #before: Truth | undefined;

  /** @param isEnough whether no further row is wanted: then no further start is decided by time */
  constructor(
    { kind, ticks, most }: { kind: "then" | "not-followed-by"; ticks: number; most: number },
    emit: Emit,
    isEnough: () => boolean,
  ) {
    this.#isThen = kind === "then";
    this.#ticks = ticks;
    this.#most = most;
    this.#emit = emit;
    this.#isEnough = isEnough;
  }

  get undecided(): number {
    return this.#undecided;
  }

  /** Time has come to `t`: starts whose time is over are decided. */
  expire(t: number): void {
    while ((this.#waiting[0]?.until ?? Number.POSITIVE_INFINITY) < t) {
      if (this.#isEnough()) return;
      const over = this.#waiting.shift() as Waiting;
      if (over.hasUnknown) this.#undecided += 1;
      else if (!this.#isThen) this.#row(over, Math.floor(over.until) as Hlc);
    }
  }

  /** p and q at an evaluated cut. `find` is asked where p begins. */
  move(t: Hlc, p: Truth, q: Truth, find: () => Finding): void {
    this.expire(t);
    const begins = p === true && this.#before !== true && this.#before !== undefined;
    this.#before = p;
    if (begins) {
      if (this.#waiting.length >= this.#most) throw new RunEnded("truncated");
      const start = find();
      this.#waiting.push({
        start,
        until: t + this.#ticks,
        shortfalls: new Set(),
        hasUnknown: false,
      });
    }
    if (q instanceof Unknown) {
      for (const one of this.#waiting) one.hasUnknown = true;
    }
    if (q !== true) return;
    const met = this.#waiting;
    this.#waiting = [];
    if (this.#isThen) for (const one of met) this.#row(one, t);
  }

  /** What is missing at the cut at hand concerns all that wait. */
  note(shortfalls: readonly Shortfall[]): void {
    for (const { shortfalls: missing } of this.#waiting) {
      for (const one of shortfalls) missing.add(one);
    }
  }

  /** The range ends, `end` included: a time that is over by then decides, one that goes on does not. */
  finish(end: Hlc): void {
    this.expire(end + 1);
    if (this.#isEnough()) return;
    this.#undecided += this.#waiting.length;
    this.#waiting = [];
  }

  #row({ start, shortfalls }: Waiting, to: Hlc): void {
    this.#emit({ ...start, to, sinceStart: false, open: false, shortfalls });
  }
}
