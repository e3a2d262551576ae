/**
 * The streams of a slice side by side, and how far all may go next. Hot: bench `walk-wide`.
 *
 *     n1   r r r r|r r          a window has about so many rows; its end is a guess from how many the one
 *     n2   r   r  |  r          before had, and every stream reads on until it has a row behind it
 *     n3      r  r|     r
 *          start  end
 *
 * That a stream has to read on ends no window: of 1,000 nodes some block ends after every eighth change of a
 * node, and a window costs each stream a look.
 */
import type { ColumnStream } from "../../cut/column-stream.ts";
import type { RowBuffer } from "../../cut/row-buffer.ts";
import type { Known } from "../values/datum.ts";
import { NotPlain } from "./not-plain.ts";

/** Rows of a window, about; at least so many of each stream. */
export const WINDOW_ROWS = 8_192;
const LEAST_SHARE = 32;
/** So many times as much is too much: of a window, and of a stream in it beyond its share. */
const MUCH = 4;
const MUCH_OF_STREAM = 1_024;
/** Ticks of a window are at most so many times those of the one before. */
const GROWS = 8;

export class Source {
  readonly stream: ColumnStream;
  readonly node: number;
  readonly rows: RowBuffer;
  /** The first row behind the piece at hand: for who looks at it twice. */
  stop = 0;
  /** What is read next is no earlier: the last tick that was read, or the first that may come. */
  last: number;
  isOver = false;
  #known: (Known | undefined)[] = [];
  #moves = 0;

  /** Rows later than `after`. */
  constructor(stream: ColumnStream, after: number) {
    this.stream = stream;
    this.node = stream.node;
    this.rows = stream.rows;
    this.last = after + 1;
    if (this.#left > 0) this.#note(this.rows.at);
  }

  /** Values as data, by place, of the rows at hand. */
  get known(): (Known | undefined)[] {
    if (this.#moves !== this.rows.moves) {
      this.#known = [];
      this.#moves = this.rows.moves;
    }
    return this.#known;
  }

  /** Whether it has nothing left to be gone through. */
  get isEmpty(): boolean {
    return this.isOver && this.#left === 0;
  }

  /**
   * Reads on until it has all rows up to `end`, or more than `most`: returns up to where it has all, which is at
   * least where its next row is.
   */
  readTo(end: number, most: number): number {
    const { rows } = this;
    while (this.last <= end && !this.isOver) {
      // The last tick may go on in what was not read.
      const before = this.last - 1;
      if (this.#left > most && before >= (rows.t[rows.at] as number)) return before;
      this.readOn();
    }
    return end;
  }

  /** Has the stream read on. @throws NotPlain; as streams do */
  readOn(): void {
    const left = this.#left;
    if (!this.stream.read()) {
      this.isOver = true;
      return;
    }
    this.#note(this.rows.at + left);
  }

  get #left(): number {
    return this.rows.count - this.rows.at;
  }

  /** Takes in rows from `first` on, which go on from the last. */
  #note(first: number): void {
    const { t, count } = this.rows;
    if ((t[first] as number) < this.last) throw new NotPlain("rows are out of order");
    this.last = t[count - 1] as number;
  }
}

export class Sources {
  readonly #to: number;
  readonly #wanted: number;
  #list: Source[];
  #span: number;
  /** The window: rows later than `start`, up to `end`; and how many they are. */
  start: number;
  end: number;
  rowCount = 0;

  /** Rows in (after, to], which have begun. */
  constructor(streams: readonly ColumnStream[], after: number, to: number) {
    this.#to = to;
    this.#list = streams.map((stream) => new Source(stream, after));
    this.#wanted = Math.max(WINDOW_ROWS, LEAST_SHARE * this.#list.length);
    this.start = after;
    this.end = after;
    this.#span = 0;
  }

  /** Those that have, or may have, rows in the window. */
  get list(): readonly Source[] {
    return this.#list;
  }

  /** Turns to the next window; false: there is none. @throws NotPlain; as streams do */
  next(): boolean {
    const start = this.end;
    this.start = start;
    if (start >= this.#to) return false;
    if (this.#span === 0) this.#span = this.#firstSpan();
    let end = Math.min(this.#to, start + this.#span);
    const most = MUCH_OF_STREAM + (MUCH * this.#wanted) / Math.max(1, this.#list.length);
    let hasEmpty = false;
    for (const source of this.#list) {
      end = source.readTo(end, most);
      if (source.isEmpty) hasEmpty = true;
    }
    if (hasEmpty) this.#list = this.#list.filter(({ isEmpty }) => !isEmpty);
    let count = this.rowsBy(end);
    while (count > MUCH * this.#wanted && end - start > 1) {
      end = start + Math.floor((end - start) / 2);
      count = this.rowsBy(end);
    }
    this.end = end;
    this.rowCount = count;
    const factor = Math.min(GROWS, this.#wanted / Math.max(1, count));
    this.#span = Math.max(1, Math.floor((end - start) * factor));
    return true;
  }

  /** How many rows are left up to `end`, which lies in the window. */
  rowsBy(end: number): number {
    let total = 0;
    for (const { rows } of this.#list) total += rows.firstAfter(end) - rows.at;
    return total;
  }

  /** As many ticks as a window takes if all goes on as it begins. */
  #firstSpan(): number {
    let rowsPerTick = 0;
    for (const source of this.#list) {
      const { rows } = source;
      if (rows.at === rows.count) source.readOn();
      const ticks = (source.isOver ? this.#to : source.last) - this.start;
      rowsPerTick += (rows.count - rows.at) / Math.max(1, ticks);
    }
    const all = this.#to - this.start;
    return Math.max(1, Math.floor(Math.min(all, this.#wanted / Math.max(rowsPerTick, 1e-9))));
  }
}
