/**
 * The window: a ring of the recent events with old and new values, in columns. Hot: bench
 * `agent-record`; the slow and obvious twin stands in its test.
 *
 * Events have an index, from 0, that never begins anew (seq does, with each epoch). They lie in chunks
 * of typed arrays; the newest chunk is appended to, the oldest is dropped whole or eaten from its head:
 *
 *     chunks     [ .......xxxxx ][ xxxxxxxxxxxx ][ xxxx-------- ]
 *                        ^ head                        ^ next
 *     columns    t   8 B | kind 1 B | ref 4 B | tags 1 B | after 8 B | before 8 B       = 30 B an event
 *
 * `tags` holds the new value's tag in its low four bits, the old one's in its high four (cell.ts;
 * MEMBER_* for the old state of a set's member). `after` and `before` are the number itself, or an index
 * into the chunk's `objects`. For events that are no changes, `ref` is an index into `objects`.
 *
 * Because each change carries the value it replaced, a rollback walks the window and needs no replay.
 *
 * Bounds: `maxBytes`, at once and whatever else holds; `maxAgeTicks`, when `trim` is called, but never
 * past `holdFrom`, from where events still have to be shipped, nor past `keepFrom`.
 */
import type { EventBody, Hlc } from "../kernel/index.ts";

const MAX_CHUNK_EVENTS = 4_096;
const MIN_CHUNK_EVENTS = 64;
/** A full window is cut into at least so many chunks, so that dropping one drops little. */
const CHUNKS_PER_WINDOW = 16;
const EVENT_BYTES = 30;
/** A slot in `objects` and its size. */
const SLOT_BYTES = 16;

/** Old state of an `add` or `remove`, where the variable was a set already. */
export const MEMBER_LACKED = 8;
export const MEMBER_HAD = 9;

/** Kind of an event that was not recorded for want of room; it has a seq and nothing else. */
export const SHED_CODE = 255;

export class Chunk {
  readonly t: Float64Array;
  readonly kind: Uint8Array;
  readonly ref: Uint32Array;
  readonly tags: Uint8Array;
  readonly after: Float64Array;
  readonly before: Float64Array;
  /** Values that are no numbers, booleans or null; bodies of other events. */
  objects: unknown[] = [];
  /** Their sizes. */
  sizes: number[] = [];
  objectBytes = 0;
  firstIndex = 0;
  count = 0;

  constructor(capacity: number) {
    this.t = new Float64Array(capacity);
    this.kind = new Uint8Array(capacity);
    this.ref = new Uint32Array(capacity);
    this.tags = new Uint8Array(capacity);
    this.after = new Float64Array(capacity);
    this.before = new Float64Array(capacity);
  }

  keep(object: unknown, bytes: number): number {
    this.objectBytes += bytes + SLOT_BYTES;
    this.sizes.push(bytes);
    return this.objects.push(object) - 1;
  }

  /** Nothing more is appended: gives back the room that the lists had to grow. */
  seal(): void {
    this.objects = this.objects.slice();
    this.sizes = this.sizes.slice();
  }
}

export interface WindowOptions {
  readonly maxBytes: number;
  readonly maxAgeTicks: number;
}

export class EventWindow {
  readonly #maxBytes: number;
  readonly #maxAgeTicks: number;
  readonly #capacity: number;
  readonly #sealBytes: number;
  #chunks: Chunk[] = [];
  #chunk: Chunk;
  #spare: Chunk | undefined;
  readonly #kindCounts = new Float64Array(256);
  /** Events before this index are in `#kindCounts`: counted late, so that appending need not. */
  #countedIndex = 0;
  #olderBytes = 0;
  #head = 0;
  // Doubles from the first: a field that was ever undefined would be boxed anew by each append.
  #lastT: number = Number.NEGATIVE_INFINITY;
  #earliestT: number = Number.NEGATIVE_INFINITY;
  /** Events from this index on are kept however old they are; infinite: none. */
  holdFrom: number = Number.POSITIVE_INFINITY;
  /** Events from this index on age alone does not take away, want of room does; infinite: there are none. */
  keepFrom: number = Number.POSITIVE_INFINITY;

  /** @param start before this time nothing is known */
  constructor(options: WindowOptions, start: Hlc) {
    this.#maxBytes = options.maxBytes;
    this.#maxAgeTicks = options.maxAgeTicks;
    const wanted = Math.floor(options.maxBytes / CHUNKS_PER_WINDOW / EVENT_BYTES);
    this.#capacity = Math.min(MAX_CHUNK_EVENTS, Math.max(MIN_CHUNK_EVENTS, wanted));
    this.#sealBytes = options.maxBytes / CHUNKS_PER_WINDOW;
    this.#chunk = new Chunk(this.#capacity);
    this.#chunks.push(this.#chunk);
    this.#earliestT = start;
  }

  /** The earliest T at which the state is known: everything after it is in the window. */
  get earliestT(): Hlc {
    return this.#earliestT as Hlc;
  }

  /** Index of the oldest event held. */
  get firstIndex(): number {
    return this.#head;
  }

  /** Index of the event to come. */
  get nextIndex(): number {
    return this.#chunk.firstIndex + this.#chunk.count;
  }

  get lastT(): number {
    return this.#lastT;
  }

  /** Events appended since the start, by kind code. */
  get kindCounts(): Float64Array {
    while (this.#countedIndex < this.nextIndex) this.#countChunk(this.chunkOf(this.#countedIndex));
    return this.#kindCounts;
  }

  #countChunk(chunk: Chunk): void {
    const counts = this.#kindCounts;
    for (let at = this.#countedIndex - chunk.firstIndex; at < chunk.count; at += 1) {
      const kind = chunk.kind[at] as number;
      counts[kind] = (counts[kind] as number) + 1;
    }
    this.#countedIndex = chunk.firstIndex + chunk.count;
  }

  /** Memory held, chunks whole and objects as estimated when they were taken in. */
  get bytes(): number {
    return this.#olderBytes + this.#bytesOf(this.#chunk);
  }

  /** Whether half of its memory is taken. */
  get isHalfFull(): boolean {
    return this.bytes > this.#maxBytes / 2;
  }

  /** Appends a change whose values are plain: numbers, booleans, null, absent. */
  append(t: Hlc, kind: number, ref: number, tags: number, after: number, before: number): void {
    let chunk = this.#chunk;
    if (chunk.count === this.#capacity) chunk = this.#nextChunk();
    const at = chunk.count;
    chunk.t[at] = t;
    chunk.kind[at] = kind;
    chunk.ref[at] = ref;
    chunk.tags[at] = tags;
    chunk.after[at] = after;
    chunk.before[at] = before;
    chunk.count = at + 1;
    this.#lastT = t;
  }

  /**
   * The chunk that takes the next event, for one that brings objects: they are kept first
   * (`chunk.keep`), and `append` follows at once.
   */
  roomForObjects(): Chunk {
    const { count, objectBytes } = this.#chunk;
    const isFull = count === this.#capacity || (count > 0 && objectBytes > this.#sealBytes);
    return isFull ? this.#nextChunk() : this.#chunk;
  }

  /** Appends an event that is no change. */
  appendBody(t: Hlc, kind: number, body: EventBody, bytes: number): void {
    const slot = this.roomForObjects().keep(body, bytes);
    this.append(t, kind, slot, 0, 0, 0);
  }

  /** Lets go of events older than the window's age. For callers at rest; appending only bounds bytes. */
  trim(now: Hlc): void {
    const limit = (now - this.#maxAgeTicks) as Hlc;
    if (this.#head < this.nextIndex && this.tAt(this.#head) <= limit) {
      this.forget(Math.min(this.keepFrom, this.firstAfter(limit)));
    }
  }

  /** Lets go of events before that index, up to `holdFrom`. Costs the chunks dropped, not the events. */
  forget(index: number): void {
    const stop = Math.min(index, this.nextIndex, this.holdFrom);
    while (this.#head < stop) {
      const chunk = this.#chunks[0] as Chunk;
      const end = chunk.firstIndex + chunk.count;
      if (end <= stop && chunk !== this.#chunk) {
        this.#dropChunk();
        continue;
      }
      this.#earliestT = chunk.t[stop - 1 - chunk.firstIndex] as number;
      this.#head = stop;
    }
  }

  /** Chunks held. */
  get chunkCount(): number {
    return this.#chunks.length;
  }

  /** Replaces the body of a shipped event, which nobody needs whole any more, by a smaller one. */
  shrinkBody(index: number, body: EventBody): void {
    if (index < this.#head) return;
    const chunk = this.#chunks[this.#chunkAt(index)] as Chunk;
    const slot = chunk.ref[index - chunk.firstIndex] as number;
    const bytes = chunk.sizes[slot] as number;
    chunk.objects[slot] = body;
    chunk.sizes[slot] = 0;
    chunk.objectBytes -= bytes;
    if (chunk !== this.#chunk) this.#olderBytes -= bytes;
  }

  /** The chunk that holds the event, which must be in the window. */
  chunkOf(index: number): Chunk {
    return this.#chunks[this.#chunkAt(index)] as Chunk;
  }

  /** Stamp of an event in the window. */
  tAt(index: number): Hlc {
    const chunk = this.chunkOf(index);
    return chunk.t[index - chunk.firstIndex] as Hlc;
  }

  /** Index of the first event later than `t`, or `nextIndex`. */
  firstAfter(t: Hlc): number {
    let low = this.#head;
    let high = this.nextIndex;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (this.tAt(middle) <= t) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #chunkAt(index: number): number {
    let low = 0;
    let high = this.#chunks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#chunks[middle] as Chunk).firstIndex <= index) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #nextChunk(): Chunk {
    this.#chunk.seal();
    const next = this.#spare ?? new Chunk(this.#capacity);
    this.#spare = undefined;
    next.firstIndex = this.nextIndex;
    this.#olderBytes += this.#bytesOf(this.#chunk);
    this.#chunks.push(next);
    this.#chunk = next;
    while (this.#chunks.length > 1 && this.bytes > this.#maxBytes) this.#dropChunk();
    return next;
  }

  #dropChunk(): void {
    const oldest = this.#chunks.shift() as Chunk;
    if (this.#countedIndex < oldest.firstIndex + oldest.count) this.#countChunk(oldest);
    if (oldest.count > 0) this.#earliestT = oldest.t[oldest.count - 1] as number;
    this.#head = Math.max(this.#head, oldest.firstIndex + oldest.count);
    this.#olderBytes -= this.#bytesOf(oldest);
    oldest.objects = [];
    oldest.sizes = [];
    oldest.objectBytes = 0;
    oldest.count = 0;
    this.#spare = oldest;
  }

  #bytesOf(chunk: Chunk): number {
    return this.#capacity * EVENT_BYTES + chunk.objectBytes;
  }
}
