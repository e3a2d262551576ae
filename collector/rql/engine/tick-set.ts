/**
 * Ticks met so far: for counting cuts where rows are not put in order. Hot: benches `walk`, `walk-wide`.
 *
 *     table    . t3 . . t1 t2 . .     open addressing; whatever lies at or before the floor is free, so a
 *              floor                  table is emptied by going on in time, and costs nothing
 *
 * It is much larger than what it holds, as every tick that does not find its own place free costs a guess of
 * the processor's. Where ticks are dense, as those of 1,000 nodes are, each tick of the piece has a bit instead:
 * that is smaller than a table and guesses nothing, but must be emptied for every piece.
 */

const LEAST_BITS = 10;
/** Places per tick, and of many. */
const ROOM_BITS = 3;
const LESS_ROOM_BITS = 1;
const MANY = 2_048;
/** Up to so many bits per tick they cost less than a place in the table. */
const DENSE_BITS = 128;
/** Bits, at most: 4 MiB of them. */
const MOST_BITS = 2 ** 25;
/** Fibonacci hashing: ticks that follow each other evenly are spread evenly. */
const GOLDEN = 0x9e37_79b1;

export class TickSet {
  #table = new Float64Array(1 << LEAST_BITS).fill(Number.NEGATIVE_INFINITY);
  #bits = LEAST_BITS;
  #floor = Number.NEGATIVE_INFINITY;
  /** By tick from the floor on, if they are dense. */
  #words = new Int32Array(0);
  #isDense = false;

  /** Forgets all: to be called where time goes back. */
  clear(): void {
    this.#table.fill(Number.NEGATIVE_INFINITY);
    this.#floor = Number.NEGATIVE_INFINITY;
  }

  /**
   * Forgets all, and gets ready for `count` ticks later than `floor`, which is no earlier than those before, up to
   * `end`.
   */
  goOn(floor: number, count: number, end: number): void {
    const span = end - floor + 1;
    this.#isDense = span <= Math.min(count * DENSE_BITS, MOST_BITS);
    if (this.#isDense) {
      this.#floor = floor;
      const words = Math.ceil(span / 32);
      if (words > this.#words.length) this.#words = new Int32Array(words * 2);
      else this.#words.fill(0, 0, words);
      return;
    }
    const room = count > MANY ? LESS_ROOM_BITS : ROOM_BITS;
    const bits = Math.max(LEAST_BITS, 32 - Math.clz32(count) + room);
    if (1 << bits > this.#table.length) {
      this.#table = new Float64Array(1 << bits).fill(Number.NEGATIVE_INFINITY);
    }
    this.#bits = bits;
    this.#floor = floor;
  }

  /** 1 if the tick was not there before, else 0. */
  add(t: number): 0 | 1 {
    const floor = this.#floor;
    if (this.#isDense) return mark(this.#words, t - floor);
    return addTo(this.#table, this.#bits, floor, t);
  }

  /**
   * Adds the ticks of one cell's rows [at, stop) that leave another number than the row of the tick before,
   * `held[0]` at first, and at last the number that they leave; returns how many of them were not there.
   */
  addChanges(
    t: Float64Array,
    number: Float64Array,
    at: number,
    stop: number,
    held: Float64Array,
  ): number {
    const floor = this.#floor;
    if (this.#isDense) return markChanges(this.#words, floor, t, number, at, stop, held);
    const table = this.#table;
    const bits = this.#bits;
    let last = held[0] as number;
    let count = 0;
    for (let i = at; i < stop; i += 1) {
      const moment = t[i] as number;
      // Of one tick the last row counts.
      if (i + 1 < stop && t[i + 1] === moment) continue;
      const value = number[i] as number;
      if (value === last) continue;
      last = value;
      count += addTo(table, bits, floor, moment);
    }
    held[0] = last;
    return count;
  }
}

function addTo(table: Float64Array, bits: number, floor: number, t: number): 0 | 1 {
  const mask = (1 << bits) - 1;
  let slot = Math.imul(t - floor, GOLDEN) >>> (32 - bits);
  for (;;) {
    const held = table[slot] as number;
    if (held === t) return 0;
    if (held <= floor) break;
    slot = (slot + 1) & mask;
  }
  table[slot] = t;
  return 1;
}

/** 1 if the bit was not set before, else 0. */
function mark(words: Int32Array, place: number): 0 | 1 {
  const word = place >>> 5;
  const held = words[word] as number;
  words[word] = held | (1 << (place & 31));
  return (((held >>> (place & 31)) & 1) ^ 1) as 0 | 1;
}

/** As `addChanges`, with a bit per tick. */
function markChanges(
  words: Int32Array,
  floor: number,
  t: Float64Array,
  number: Float64Array,
  at: number,
  stop: number,
  held: Float64Array,
): number {
  let last = held[0] as number;
  let count = 0;
  for (let i = at; i < stop; i += 1) {
    const moment = t[i] as number;
    if (i + 1 < stop && t[i + 1] === moment) continue;
    const value = number[i] as number;
    if (value === last) continue;
    last = value;
    count += mark(words, moment - floor);
  }
  held[0] = last;
  return count;
}

/** The same of a stream that is alone: all its ticks are new. */
export function changesOf(
  t: Float64Array,
  number: Float64Array,
  at: number,
  stop: number,
  held: Float64Array,
): number {
  let last = held[0] as number;
  let count = 0;
  for (let i = at; i < stop; i += 1) {
    if (i + 1 < stop && t[i + 1] === t[i]) continue;
    const value = number[i] as number;
    if (value === last) continue;
    last = value;
    count += 1;
  }
  held[0] = last;
  return count;
}
