/**
 * Seals batches into segments behind ingest: what is contiguous and enough becomes columns in blocks, a
 * third of the bytes and several times as quick to read.
 *
 *     stored     | segment | segment | b b b b b b b b b b | b b b        b
 *     sealed now                     |----- enough --------|  later   ^ hole: nothing beyond it
 *
 * A segment ends where a round of checkpoints ended, if one is near: a cut then starts at the beginning of
 * the segment that it lies in. Most rounds inside are dropped afterwards (checkpoint-thinning.ts), since
 * a sealed stretch is replayed faster than a state is fetched.
 *
 * While ingest goes on it rests between segments (rests.ts): bytes can wait, batches cannot.
 *
 * Nothing depends on it: what cannot be sealed stays as it came, and is read as before. A start needs no
 * mark of how far the last run came; it looks through the headers of segments, which are small.
 */
import { type Hlc, MAX_HLC, MIN_HLC, RetroError } from "../../agent/kernel/index.ts";
import type { EpochRecord, SegmentWrite, StoredBatch } from "../store/history-store.ts";
import { SegmentBuilder } from "../store/segment-builder.ts";
import { isSegment } from "../store/segment-header.ts";
import { readStored } from "../store/segment-reader.ts";
import type { Behind } from "./behind.ts";
import { CheckpointThinning } from "./checkpoint-thinning.ts";
import { EpochQueue } from "./epoch-queue.ts";
import type { EpochSource } from "./epoch-source.ts";
import { letGoOfForgotten } from "./forgotten-epochs.ts";
import type { CutLimits } from "./limits.ts";
import type { Rests } from "./rests.ts";
import type { Work } from "./turns.ts";

/** Of `segmentEvents`: from here on an end of a round ends a segment; without one it ends here. */
const EARLY = 0.75;
const LATE = 1.25;
/** Much that is shared makes segments longer, up to so many times: keys, and heads of blocks. */
const LONGEST = 4;
const EVENTS_PER_VARIABLE = 4;
const EVENTS_PER_BLOCK = 128;
/** A single batch of fewer than this share of `segmentEvents` is not worth a segment. */
const LEAST_SHARE = 1 / 8;
/** The checkpointer may be so many segments behind before its rounds are waited for no longer. */
const MOST_BEHIND = 4;

/** How far an epoch has been sealed, as this run knows. */
interface Progress {
  /** All that is stored up to here is sealed, or stays as it is. */
  readonly seq: number;
  readonly t: Hlc;
  /** How far it could be sealed when it was last looked through, and its events ... */
  readonly until: number;
  readonly eventCount: number;
  readonly isOver: boolean;
  readonly repairCount: number;
  /** ... and how many events were left then; -1: there may be more than enough. */
  readonly leftCount: number;
}

/** What one look at an epoch came to. */
interface Look {
  readonly seq: number;
  readonly t: Hlc;
  readonly write: SegmentWrite | undefined;
  readonly leftCount: number;
}

export class Sealer {
  readonly #source: EpochSource;
  readonly #limits: CutLimits;
  readonly #behind: Behind;
  readonly #rests: Rests;
  readonly #thinning: CheckpointThinning;
  readonly #progress = new Map<number, Progress>();
  readonly #queue: EpochQueue;
  #segmentCount = 0;

  constructor(source: EpochSource, limits: CutLimits, behind: Behind, rests: Rests) {
    this.#source = source;
    this.#limits = limits;
    this.#behind = behind;
    this.#rests = rests;
    this.#thinning = new CheckpointThinning(source.store, limits);
    this.#queue = new EpochQueue(source.store, behind, (epochId) => this.#advance(epochId));
  }

  /** Segments sealed since the start. */
  get segmentCount(): number {
    return this.#segmentCount;
  }

  /** Why the last work ended early, if it did: batches then stay as they came. */
  get failure(): unknown {
    return this.#queue.failure;
  }

  /** Catches up with what is stored of these epochs (none named: of all). Returns at once, never throws. */
  notify(epochIds?: Iterable<number>): void {
    this.#queue.notify(epochIds);
  }

  /** Resolves once nothing is left to do. */
  idle(): Promise<void> {
    return this.#queue.idle();
  }

  async #advance(epochId: number): Promise<void> {
    const { store } = this.#source;
    letGoOfForgotten(this.#progress, store);
    for (;;) {
      await this.#rests.due();
      const record = store.epoch(epochId);
      if (record === undefined) {
        this.#progress.delete(epochId);
        return;
      }
      const repairCount = store.repairCount(epochId);
      const known = this.#known(record, repairCount);
      const until = this.#until(record);
      if (known !== undefined && !this.#isDue(record, known, until)) return;
      const look = await this.#behind.run(this.#look(record, known, until), (ms) =>
        this.#rests.noteWorked(ms),
      );
      if (look === undefined) return;
      const { write, seq, t, leftCount } = look;
      const { eventCount, end } = record;
      if (write !== undefined) {
        if (!(await store.seal(write))) {
          // What it was made of was removed meanwhile: begin again with what is left.
          this.#progress.delete(epochId);
          return;
        }
        this.#segmentCount += 1;
        await this.#thinning.sealed(epochId, repairCount, write.segment);
      }
      const isOver = end !== null;
      const progress = { seq, t, until, eventCount, isOver, repairCount, leftCount };
      this.#progress.set(epochId, progress);
      if (write === undefined) return;
    }
  }

  /** After a repair batches may lie between segments: the epoch is looked through again. */
  #known(record: EpochRecord, repairCount: number): Progress | undefined {
    const known = this.#progress.get(record.id);
    return known?.repairCount === repairCount ? known : undefined;
  }

  #isDue({ eventCount, end }: EpochRecord, known: Progress, until: number): boolean {
    if (known.leftCount < 0) return true;
    const grownBy = until - known.until;
    if (end !== null) return !known.isOver || eventCount !== known.eventCount || grownBy > 0;
    return grownBy + known.leftCount >= this.#limits.segmentEvents * EARLY;
  }

  /** The next segment, if there is enough for one; how far one need not look again. */
  *#look(record: EpochRecord, known: Progress | undefined, until: number): Work<Look> {
    let seq = known?.seq ?? 0;
    let t = known?.t ?? MIN_HLC;
    let builder = new SegmentBuilder();
    const done = (write: SegmentWrite | undefined, leftCount: number): Look => {
      return { seq, t, write, leftCount };
    };
    const pass = (last: StoredBatch): void => {
      seq = last.lastSeq;
      t = last.lastT;
    };
    let last: StoredBatch | undefined;
    const stored = this.#source.stored(record.id, t);
    try {
      for (const one of stored) {
        if (one.lastSeq <= seq || one.firstSeq <= this.#prunedTo(record)) continue;
        if (one.lastSeq > until) break;
        const mayFollow = builder.count === 0 || builder.nextSeq === one.firstSeq;
        const batch = isSegment(one.bytes) ? undefined : this.#decoded(one);
        if (
          builder.count > 0 &&
          (batch === undefined || !mayFollow || this.#isTooMuch(builder, one))
        ) {
          const write = yield* this.#finish(builder);
          pass(last as StoredBatch);
          if (write !== undefined) return done(write, -1);
          builder = new SegmentBuilder();
        }
        if (batch === undefined) {
          pass(one);
        } else {
          yield;
          builder.add(one, batch);
          last = one;
          if (this.#isFull(builder, record, one)) {
            const write = yield* this.#finish(builder);
            pass(one);
            if (write !== undefined) return done(write, -1);
            builder = new SegmentBuilder();
          }
        }
        yield;
      }
    } finally {
      stored.return(undefined);
    }
    if (record.end === null || builder.count === 0) return done(undefined, builder.count);
    const write = yield* this.#finish(builder);
    pass(last as StoredBatch);
    return done(write, write === undefined ? 0 : -1);
  }

  /** The last seq to seal: what is contiguous, and has been gone through by the checkpointer. */
  #until({ id, contiguousSeq, end }: EpochRecord): number {
    if (end !== null) return contiguousSeq;
    const latest = this.#source.store.directoryAt(id, MAX_HLC)?.seq ?? 0;
    const isFarBehind = contiguousSeq - latest > MOST_BEHIND * this.#limits.segmentEvents;
    return isFarBehind ? contiguousSeq : Math.min(contiguousSeq, latest);
  }

  #prunedTo({ id }: EpochRecord): number {
    return this.#source.store.pruned(id)?.seq ?? 0;
  }

  #decoded(one: StoredBatch): ReturnType<typeof readStored>["rows"] | undefined {
    try {
      return readStored(one, this.#source.store).rows;
    } catch (error) {
      if (error instanceof RetroError) return undefined;
      throw error;
    }
  }

  #isTooMuch(builder: SegmentBuilder, next: StoredBatch): boolean {
    const count = builder.count + next.lastSeq - next.firstSeq + 1;
    const bytes = builder.byteCount + next.bytes.length;
    return count > this.#limits.segmentEvents * LONGEST * LATE || bytes > this.#limits.segmentBytes;
  }

  #isFull(builder: SegmentBuilder, { id }: EpochRecord, last: StoredBatch): boolean {
    const { count, byteCount, variableCount, blockCount } = builder;
    const { segmentEvents, segmentBytes } = this.#limits;
    if (byteCount >= segmentBytes || count >= segmentEvents * LONGEST) return true;
    const shared = Math.max(EVENTS_PER_VARIABLE * variableCount, EVENTS_PER_BLOCK * blockCount);
    const wanted = Math.min(Math.max(segmentEvents, shared), segmentEvents * LONGEST);
    if (count < wanted * EARLY) return false;
    if (count >= wanted * LATE) return true;
    return this.#source.store.directoryAt(id, last.lastT)?.seq === last.lastSeq;
  }

  /** Undefined: it would not be smaller, or cannot be. */
  *#finish(builder: SegmentBuilder): Work<SegmentWrite | undefined> {
    const least = this.#limits.segmentEvents * LEAST_SHARE;
    if (builder.batchCount < 2 && builder.count < least) return undefined;
    try {
      const write = yield* builder.finish();
      yield;
      return isReadable(write, builder.count) ? write : undefined;
    } catch (error) {
      if (error instanceof RetroError) return undefined;
      throw error;
    }
  }
}

/** What replaces batches is read once before they go: there is no second copy behind it. */
function isReadable({ segment, blocks }: SegmentWrite, count: number): boolean {
  const { rows, damaged } = readStored(segment, { block: (_segment, index) => blocks[index] });
  return damaged.length === 0 && rows.events.count === count;
}
