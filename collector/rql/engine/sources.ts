/**
 * The streams of a slice side by side, how far each has been gone through, and how far all may go next.
 *
 *     n1   r r r r|r r . . .      a window ends where some stream must read on, or has given its
 *     n2   r   r  |  r     |      share: every row up to there is at hand, whatever its stream
 *     n3      r  r|     r r|      reads next
 *          start  end
 */
import type { ColumnRows, ColumnStream } from "../../cut/column-shapes.ts";
import type { Known } from "../values/datum.ts";
import { NotPlain } from "./not-plain.ts";

/** Rows of a window, about; at least so many of each stream. */
export const WINDOW_ROWS = 8_192;
const LEAST_SHARE = 32;

const NO_NUMBERS = new Float64Array(0);

export class Source {
  readonly stream: ColumnStream;
  readonly node: number;
  rows: ColumnRows | undefined;
  /** Of `rows`, at hand for hot loops; `column` is -1 where rows are of several. */
  count = 0;
  t: Float64Array = NO_NUMBERS;
  number: Float64Array = NO_NUMBERS;
  column = -1;
  /** The first row that has not been gone through. */
  at = 0;
  /** The first row behind the piece at hand: for who looks at it twice. */
  stop = 0;
  /** Values as data, by place, of the rows at hand. */
  known: (Known | undefined)[] = [];

  constructor(stream: ColumnStream) {
    this.stream = stream;
    this.node = stream.node;
  }

  /** Has the stream read on. */
  readOn(): void {
    const rows = this.stream.next();
    this.rows = rows;
    this.at = 0;
    this.known = [];
    if (rows === undefined) return;
    this.count = rows.count;
    this.t = rows.t;
    this.number = rows.number;
    this.column = typeof rows.column === "number" ? rows.column : -1;
  }
}

export class Sources {
  readonly #to: number;
  #list: Source[];
  /** The window: rows later than `start`, up to `end`. */
  start: number;
  end: number;

  /** Rows in (after, to]. */
  constructor(streams: readonly ColumnStream[], after: number, to: number) {
    this.#to = to;
    this.#list = streams.map((stream) => new Source(stream));
    this.start = after;
    this.end = after;
  }

  /** Those that have, or may have, rows in the window; each has its rows at hand. */
  get list(): readonly Source[] {
    return this.#list;
  }

  /** Turns to the next window; false: there is none. @throws NotPlain; as streams do */
  next(): boolean {
    this.start = this.end;
    if (this.end >= this.#to) return false;
    this.#refill();
    this.end = this.#windowEnd();
    return true;
  }

  /** How many rows are left up to `end`, which lies in the window. */
  rowsBy(end: number): number {
    let total = 0;
    for (const { rows, at } of this.#list) total += stopOf(rows as ColumnRows, at, end) - at;
    return total;
  }

  /** Every source has rows left, or none until later, or is at its end and goes. */
  #refill(): void {
    const { start } = this;
    let hasEnded = false;
    for (const source of this.#list) {
      const { rows } = source;
      if (rows !== undefined && (source.at < rows.count || rows.until > start)) continue;
      source.readOn();
      while (source.rows !== undefined && source.rows.until <= start) {
        if (source.rows.count > 0) throw new NotPlain("rows are out of order");
        source.readOn();
      }
      if (source.rows === undefined) hasEnded = true;
      else if (isBehind(source.rows, start)) throw new NotPlain("rows are out of order");
    }
    if (hasEnded) this.#list = this.#list.filter(({ rows }) => rows !== undefined);
  }

  /** The last tick of which all rows are at hand, and not too many. */
  #windowEnd(): number {
    const share = Math.max(LEAST_SHARE, Math.floor(WINDOW_ROWS / (this.#list.length + 1)));
    let end = this.#to;
    for (const { rows, at } of this.#list) {
      const { until, count, t } = rows as ColumnRows;
      if (until < end) end = until;
      const last = at + share - 1;
      if (last < count && (t[last] as number) < end) end = t[last] as number;
    }
    return end;
  }
}

function isBehind({ t, count }: ColumnRows, until: number): boolean {
  return count > 0 && (t[0] as number) <= until;
}

/** The first row from `at` on that is later than `end`. */
export function stopOf({ t, count }: ColumnRows, at: number, end: number): number {
  if (count === 0 || (t[count - 1] as number) <= end) return count;
  let low = at;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((t[middle] as number) <= end) low = middle + 1;
    else high = middle;
  }
  return low;
}
