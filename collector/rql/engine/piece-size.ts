/**
 * How many rows of a window are looked at together, before anything is put in order: few enough that their
 * least and greatest number decide the condition, and as many as that allows.
 *
 *     decided    | 256 | 288 | 324 | 365 - | 273 | ...     grows slowly, and shrinks at once
 *     never      | 64 - | 64 - |  window  |  2 windows  |  4 windows ..      tried ever more seldom
 */
import { WINDOW_ROWS } from "./sources.ts";

/** So few rows are not divided further. */
const LEAST_ROWS = 64;
/** Nor are, of many streams, so many times that of each: looking at a stream has a price of its own. */
const LEAST_PER_STREAM = 1 / 16;
const FIRST_ROWS = 1_024;
const GROWS = 1.125;
const SHRINKS = 0.75;
/** With less of a window decided, looking did not pay. */
const WORTH = 0.25;
/** Windows without a look after one that was not worth it, at most. */
const LONGEST_REST = 64;

export class PieceSize {
  readonly #leastRows: number;
  #rows = FIRST_ROWS;
  #rest = 0;
  #nextRest = 1;

  constructor(leastRows: number = LEAST_ROWS) {
    this.#leastRows = leastRows;
  }

  /** Whether the window at hand is to be looked at; to be asked once for each. */
  isDue(): boolean {
    if (this.#rest === 0) return true;
    this.#rest -= 1;
    return false;
  }

  /** Rows of a piece, with so many streams. */
  rows(streams: number): number {
    return Math.max(this.#rows, this.least(streams));
  }

  /** A piece of so few rows is put in order if it is not decided. */
  least(streams: number): number {
    return this.#leastRows * Math.max(1, LEAST_PER_STREAM * streams);
  }

  /** Takes in whether a piece of that size was decided as a whole. */
  note(isDecided: boolean, streams: number): void {
    const rows = this.#rows * (isDecided ? GROWS : SHRINKS);
    this.#rows = Math.min(Math.max(rows, this.least(streams)), Math.max(WINDOW_ROWS, 32 * streams));
  }

  /** Takes in how much of a window was decided. */
  noteWindow(decidedRows: number, rows: number): void {
    if (rows === 0) return;
    if (decidedRows >= rows * WORTH) {
      this.#nextRest = 1;
      return;
    }
    this.#rest = this.#nextRest;
    this.#nextRest = Math.min(this.#nextRest * 2, LONGEST_REST);
  }
}
