/**
 * Maximal intervals in which a condition is true, or, without a condition, in which the selected values
 * stay the same. Half-open: [from, to), `to` being the first cut at which it no longer holds; at the
 * end of the range `to` is that end, and the interval is open.
 *
 *     truth   T T F U T T .          rows   [s ..)  [ .. end]
 *             s . . . . . end
 */
import type { Hlc } from "../../../agent/kernel/index.ts";
import type { Truth } from "../values/datum.ts";
import { Unknown } from "../values/datum.ts";
import type { Emit, Finding } from "./row.ts";
import type { Shortfall } from "./shortfalls.ts";

interface OpenInterval {
  readonly start: Finding;
  readonly sinceStart: boolean;
  readonly shortfalls: Set<Shortfall>;
  /** What makes it another interval, without a condition: the selected values. */
  readonly sameness: string;
}

export class Intervals {
  readonly #emit: Emit;
  #open: OpenInterval | undefined;
  #unknownSince: Hlc | undefined;
  #unknownTicks = 0;

  constructor(emit: Emit) {
    this.#emit = emit;
  }

  /** What was found where the interval at hand began. */
  get open(): Finding | undefined {
    return this.#open?.start;
  }

  /** Ticks at which the condition was unknown. */
  get unknownTicks(): number {
    return this.#unknownTicks;
  }

  /** The condition at an evaluated cut. `find` is asked where an interval begins. */
  move(t: Hlc, truth: Truth, isStart: boolean, sameness: string, find: () => Finding): void {
    if (this.#unknownSince !== undefined) this.#unknownTicks += t - this.#unknownSince;
    this.#unknownSince = truth instanceof Unknown ? t : undefined;
    const goesOn = truth === true && this.#open?.sameness === sameness;
    if (goesOn) return;
    this.#close(t, false);
    if (truth !== true) return;
    this.#open = { start: find(), sinceStart: isStart, shortfalls: new Set(), sameness };
  }

  /** What is missing at the cut at hand concerns the interval that it lies in. */
  note(shortfalls: readonly Shortfall[]): void {
    for (const one of shortfalls) this.#open?.shortfalls.add(one);
  }

  /** The search ends at `t`, before the next cut: what is unknown until there counts. */
  leave(t: Hlc): void {
    if (this.#unknownSince === undefined) return;
    this.#unknownTicks += t - this.#unknownSince;
    this.#unknownSince = t;
  }

  /** The range ends, `end` included. */
  finish(end: Hlc): void {
    if (this.#unknownSince !== undefined) this.#unknownTicks += end - this.#unknownSince;
    this.#unknownSince = undefined;
    this.#close(end, true);
  }

  #close(to: Hlc, open: boolean): void {
    if (this.#open === undefined) return;
    const { start, sinceStart, shortfalls } = this.#open;
    this.#open = undefined;
    this.#emit({ ...start, to, sinceStart, open, shortfalls });
  }
}
