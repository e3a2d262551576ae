/**
 * The open requests, where another thread can see them while this one is stuck: a table in shared memory, linked in
 * order of arrival, so that the oldest is found at once.
 *
 *     Int32    | head | tail | in flight | arrivals | completions | urgent | end | beats | next[] | previous[] |
 *     Float64  | last beat | offset | oldest limit | late limit | arrived[]                                    |
 *
 * The main thread writes, plainly; the sampler (sampler-loop.ts) reads. It may see a request that left a moment ago,
 * or the arrival of the one that took its place: both are a sample that is one request off, never a crash.
 * Times are monotonic microseconds; a 64-bit store is one store on every machine that Node runs on.
 */
export const Word = {
  head: 0,
  tail: 1,
  inFlight: 2,
  arrivals: 3,
  completions: 4,
  /** 1: the sampler asks for a flush. */
  urgent: 5,
  /** 1: the sampler is to end. */
  end: 6,
  beats: 7,
} as const;
const WORDS = 8;

export const Double = {
  /** When the main thread last gave a sign of life. */
  beatUs: 0,
  /** Physical less monotonic time. */
  offsetUs: 1,
  /** An open request older than this is worth a flush. */
  oldestLimitUs: 2,
  /** A heartbeat later than this is, while requests are open. */
  lateLimitUs: 3,
} as const;
const DOUBLES = 4;

/** Requests that can be open at once and be seen from outside; further ones are recorded all the same. */
export const MAX_OPEN = 16_384;
const NONE = -1;
/** Until the sampler has found out what is usual here: what it would say of a quiet host. */
const FIRST_LATE_LIMIT_US = 18_000;

/** What two threads share of one agent. */
export interface SharedTable {
  readonly words: Int32Array;
  readonly doubles: Float64Array;
  readonly next: Int32Array;
  readonly previous: Int32Array;
  readonly arrivedUs: Float64Array;
}

/** A table over `buffer`, which another thread may have made with `newTableBuffer`. */
export function tableOver(buffer: SharedArrayBuffer, capacity: number = MAX_OPEN): SharedTable {
  const doubleBytes = 8 * (DOUBLES + capacity);
  const wordsAt = doubleBytes;
  return {
    doubles: new Float64Array(buffer, 0, DOUBLES),
    arrivedUs: new Float64Array(buffer, 8 * DOUBLES, capacity),
    words: new Int32Array(buffer, wordsAt, WORDS),
    next: new Int32Array(buffer, wordsAt + 4 * WORDS, capacity),
    previous: new Int32Array(buffer, wordsAt + 4 * (WORDS + capacity), capacity),
  };
}

export function newTableBuffer(capacity: number = MAX_OPEN): SharedArrayBuffer {
  return new SharedArrayBuffer(8 * (DOUBLES + capacity) + 4 * (WORDS + 2 * capacity));
}

/** The main thread's side: who is open, and the same in shared memory. */
export class OpenRequests<Request> {
  readonly buffer: SharedArrayBuffer;
  readonly table: SharedTable;
  readonly #open: (Request | undefined)[] = [];
  readonly #free: number[] = [];
  #used = 0;
  #overflowCount = 0;

  constructor(capacity: number = MAX_OPEN) {
    this.buffer = newTableBuffer(capacity);
    this.table = tableOver(this.buffer, capacity);
    this.table.words[Word.head] = NONE;
    this.table.words[Word.tail] = NONE;
    this.table.doubles[Double.oldestLimitUs] = Number.POSITIVE_INFINITY;
    this.table.doubles[Double.lateLimitUs] = FIRST_LATE_LIMIT_US;
  }

  /** Requests that found no room. */
  get overflowCount(): number {
    return this.#overflowCount;
  }

  get inFlight(): number {
    return this.table.words[Word.inFlight] as number;
  }

  /** Requests that came since the start, as a number that wraps. */
  get arrivals(): number {
    return this.table.words[Word.arrivals] as number;
  }

  /** Enters a request; returns its place, -1: there was no room. */
  add(request: Request, arrivedUs: number): number {
    const { words, next, previous, arrivedUs: times } = this.table;
    words[Word.arrivals] = (words[Word.arrivals] as number) + 1;
    const place = this.#free.pop() ?? this.#used;
    if (place >= next.length) {
      this.#overflowCount += 1;
      return NONE;
    }
    if (place === this.#used) this.#used += 1;
    this.#open[place] = request;
    const tail = words[Word.tail] as number;
    times[place] = arrivedUs;
    next[place] = NONE;
    previous[place] = tail;
    if (tail === NONE) words[Word.head] = place;
    else next[tail] = place;
    words[Word.tail] = place;
    words[Word.inFlight] = (words[Word.inFlight] as number) + 1;
    return place;
  }

  /** Takes the request at that place out; -1 is none. `isDone`: it was answered. */
  remove(place: number, isDone: boolean = true): void {
    const { words, next, previous } = this.table;
    if (isDone) words[Word.completions] = (words[Word.completions] as number) + 1;
    if (place === NONE || this.#open[place] === undefined) return;
    this.#open[place] = undefined;
    const before = previous[place] as number;
    const after = next[place] as number;
    if (before === NONE) words[Word.head] = after;
    else next[before] = after;
    if (after === NONE) words[Word.tail] = before;
    else previous[after] = before;
    words[Word.inFlight] = (words[Word.inFlight] as number) - 1;
    this.#free.push(place);
  }

  /** All that are open, oldest first. A request may be removed while it is visited. */
  *[Symbol.iterator](): Generator<Request> {
    let place = this.table.words[Word.head] as number;
    while (place !== NONE) {
      const after = this.table.next[place] as number;
      const request = this.#open[place];
      if (request !== undefined) yield request;
      place = after;
    }
  }
}
