/**
 * Takes the beginning of epochs out of history, and whole epochs: the steps that retention and erasing
 * share. In the background: pieces are looked at some at a time, with a turn of the event loop between.
 *
 *     1. find the last piece in seq order before the first that stays
 *     2. write the state at its end (cut/prune-point.ts), durable
 *     3. mark, while ingest has nothing on its way: from here on answers begin there, or say so
 *     4. sweep: the records, some at a time
 *
 * A crash after any step leaves a history that is whole: after 1 and 2 nothing happened, after 3 the
 * sweep goes on at the next start.
 */
import { type Hlc, MAX_HLC, MIN_HLC } from "../../agent/kernel/index.ts";
import type { PieceEnd } from "../cut/prune-point.ts";
import { beginningOf } from "../cut/pruned.ts";
import type {
  CheckpointWrite,
  EpochRecord,
  HistoryStore,
  PrunedEpoch,
  SideRemoval,
  StoredPiece,
} from "../store/history-store.ts";
import { stretchesOf, withGone } from "./gone.ts";

/** Pieces looked at before the event loop has a turn, whosever they are. */
const PIECES_PER_TURN = 128;
/** Records removed in one transaction. */
const RECORDS_PER_SWEEP = 1_000;
/** Side blocks removed in one transaction. */
const SIDE_PER_SWEEP = 2_000;
/** Seconds of which side blocks are looked at for the first one. */
const ALL_SECONDS = { fromSecond: 0, untilSecond: Number.MAX_SAFE_INTEGER } as const;
/** Epochs marked in one transaction. */
const MARKS_PER_WRITE = 64;
/** How often it is begun anew with an epoch of which something came below its end meanwhile. */
const MAX_STARTS = 3;
/** Pieces gone back where no checkpoint can be made at the end of the last. */
const TRIES = 8;

/** The cut engine's part: `LiveHistory.pruning`. */
export interface PrunePoints {
  checkpointAt(record: EpochRecord, end: PieceEnd): CheckpointWrite | "there" | undefined;
  markAt(epochId: number, end: PieceEnd): PrunedEpoch | undefined;
}

export interface PrunerOptions {
  readonly store: HistoryStore;
  readonly points: PrunePoints;
  /** `Ingest.between`. */
  readonly between: (task: () => Promise<void>) => Promise<void>;
  readonly turn: () => Promise<void>;
  /** Told where all history begins now; undefined: there is none. */
  readonly onEarliest?: (earliest: Hlc | undefined) => void;
}

/** Where the past of an epoch ends. */
interface PastEnd {
  readonly record: EpochRecord;
  readonly end: PieceEnd;
  /** Pieces up to there. */
  readonly count: number;
  /** As it was before they were looked at. */
  readonly repairCount: number;
}

export class Pruner {
  readonly #options: PrunerOptions;
  /** Pieces looked at in this turn of the event loop. */
  #looked = 0;
  #last: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(options: PrunerOptions) {
    this.#options = options;
  }

  /** Runs a task after those that were given before. */
  alone<Answer>(task: () => Promise<Answer>): Promise<Answer> {
    const done = this.#last.then(task);
    this.#last = done.catch(() => {});
    return done;
  }

  /** Whether work should end soon. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Ends what runs at its next step, and waits for it. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#last;
  }

  /** Where all history begins; undefined: there is none. */
  earliest(): Hlc | undefined {
    const { store } = this.#options;
    let earliest: Hlc | undefined;
    for (const record of store.epochs()) {
      if (record.named === true) continue;
      const beginning = beginningOf(store, record);
      if (earliest === undefined || beginning < earliest) earliest = beginning;
    }
    return earliest;
  }

  /** When the oldest piece came that is kept of any of these; undefined: there is none, or nobody can tell. */
  async oldestArrivalMs(records: readonly EpochRecord[]): Promise<number | undefined> {
    const { store } = this.#options;
    let oldest: number | undefined;
    for (const { id } of records) {
      if (this.#isClosed) break;
      await this.#turnIfDue();
      this.#looked += 1;
      for (const { arrivalMs } of store.pieces(id, this.#prunedSeq(id))) {
        if (arrivalMs > 0 && (oldest === undefined || arrivalMs < oldest)) oldest = arrivalMs;
        break;
      }
      for (const { arrivalMs } of store.sideBlocks(id, ALL_SECONDS)) {
        if (oldest === undefined || arrivalMs < oldest) oldest = arrivalMs;
        break;
      }
    }
    return oldest;
  }

  async #turnIfDue(): Promise<void> {
    if (this.#looked < PIECES_PER_TURN) return;
    this.#looked = 0;
    await this.#options.turn();
  }

  /** Prunes each epoch up to the first piece that is not past. Resolves to how many pieces went. */
  async prune(
    records: readonly EpochRecord[],
    isPast: (piece: StoredPiece, record: EpochRecord) => boolean,
  ): Promise<number> {
    const { store } = this.#options;
    let count = 0;
    let left = records;
    for (let starts = 0; starts < MAX_STARTS && left.length > 0; starts += 1) {
      const overtaken: EpochRecord[] = [];
      let ends: PastEnd[] = [];
      const mark = async (): Promise<void> => {
        const marked = await this.#mark(ends);
        for (const one of ends) {
          if (marked.has(one.record.id)) count += one.count;
          else if (store.repairCount(one.record.id) !== one.repairCount) overtaken.push(one.record);
        }
        ends = [];
      };
      for (const record of left) {
        if (this.#isClosed) break;
        const found = await this.#endOfPast(record, isPast);
        if (found !== undefined) ends.push(found);
        if (ends.length >= MARKS_PER_WRITE) await mark();
      }
      await mark();
      left = overtaken;
    }
    return count;
  }

  /** Removes side blocks that are past. Resolves to how many. */
  async pruneSide(past: Omit<SideRemoval, "limit">): Promise<number> {
    const { store, turn } = this.#options;
    let total = 0;
    for (;;) {
      if (this.#isClosed || past.epochIds.length === 0) return total;
      const count = await store.removeSideBlocks({ ...past, limit: SIDE_PER_SWEEP });
      total += count;
      if (count < SIDE_PER_SWEEP) return total;
      await turn();
    }
  }

  /**
   * Forgets epochs, records and all, of which `isOver` still holds when no write of ingest is on its way:
   * something may have come of them since they were chosen. When their nodes were there through them is
   * found only then, too: the next run may have begun meanwhile. Resolves to how many.
   */
  async forget(
    chosen: readonly number[],
    isOver: (record: EpochRecord) => boolean = () => true,
  ): Promise<number> {
    if (chosen.length === 0) return 0;
    const { store, between } = this.#options;
    let count = 0;
    await between(async () => {
      const over = chosen.filter((id) => {
        const record = store.epoch(id);
        return record !== undefined && isOver(record);
      });
      count = over.length;
      if (count === 0) return;
      const stretches = stretchesOf(store.epochs(), new Set(over));
      const gone = withGone(store.gone(), stretches, this.earliest() ?? MAX_HLC);
      await store.prune({ epochs: [], forget: over, gone });
    });
    return count;
  }

  /**
   * Removes what is marked, to the last record. Resolves to how many. Each step finds anew where history
   * begins, with no write of ingest on its way: messages of a run that came meanwhile would go with it.
   */
  async sweep(): Promise<number> {
    const { store, between, turn } = this.#options;
    this.#options.onEarliest?.(this.earliest());
    let total = 0;
    for (;;) {
      if (this.#isClosed) return total;
      let count = 0;
      await between(async () => {
        const messagesBefore = this.earliest() ?? this.#endOfGone();
        count = await store.sweep({ limit: RECORDS_PER_SWEEP, messagesBefore });
      });
      total += count;
      if (count < RECORDS_PER_SWEEP) return total;
      await turn();
    }
  }

  /**
   * Where nothing is left, what was over by then goes: not a violation whose end lies far ahead, by a forged
   * stamp say, as all that comes until then would lack it.
   */
  #endOfGone(): Hlc {
    const ends = this.#options.store.gone().map(({ until }) => until);
    return ends.reduce((a, b) => Math.max(a, b) as Hlc, MIN_HLC);
  }

  /** Where the past of an epoch ends, with its state written down. */
  async #endOfPast(
    record: EpochRecord,
    isPast: (piece: StoredPiece, record: EpochRecord) => boolean,
  ): Promise<PastEnd | undefined> {
    const { store, points } = this.#options;
    const repairCount = store.repairCount(record.id);
    const ends: (PieceEnd & { readonly count: number })[] = [];
    let after = this.#prunedSeq(record.id);
    let count = 0;
    for (let isMore = true; isMore; ) {
      isMore = false;
      await this.#turnIfDue();
      if (this.#isClosed) return undefined;
      this.#looked += 1;
      for (const piece of store.pieces(record.id, after)) {
        if (!isPast(piece, record)) break;
        after = piece.last;
        count += 1;
        this.#looked += 1;
        ends.push({ seq: piece.last, t: piece.lastT, count });
        if (ends.length > TRIES) ends.shift();
        isMore = this.#looked >= PIECES_PER_TURN;
        if (isMore) break;
      }
    }
    const last = ends.at(-1);
    if (last === undefined) return undefined;
    // Behind a hole there is no state to write: what is known there is what later keyframes tell.
    const now = store.epoch(record.id);
    if (now === undefined) return undefined;
    if (last.seq > now.contiguousSeq) return { record, end: last, count: last.count, repairCount };
    for (const end of ends.reverse()) {
      const checkpoint = points.checkpointAt(now, end);
      if (checkpoint === undefined) continue;
      if (checkpoint !== "there") await store.writeCheckpoint(checkpoint);
      return { record, end, count: end.count, repairCount };
    }
    return undefined;
  }

  /** Ids of the epochs that were marked: not those whose checkpoint a repair took away meanwhile. */
  async #mark(ends: readonly PastEnd[]): Promise<ReadonlySet<number>> {
    const marked = new Set<number>();
    if (ends.length === 0 || this.#isClosed) return marked;
    const { store, points, between } = this.#options;
    await between(async () => {
      const epochs: PrunedEpoch[] = [];
      for (const { record, end, repairCount } of ends) {
        const now = store.epoch(record.id);
        if (now === undefined) continue;
        const isBehindHole = end.seq > now.contiguousSeq;
        // Something has come since into the hole, or of what lies behind it: look again.
        if (isBehindHole && store.repairCount(record.id) !== repairCount) continue;
        const { seq, t } = end;
        const mark: PrunedEpoch | undefined = isBehindHole
          ? { epochId: now.id, seq, t, isBlank: true, keep: [] }
          : points.markAt(now.id, end);
        if (mark !== undefined) epochs.push(mark);
      }
      if (epochs.length === 0) return;
      await store.prune({ epochs, forget: [], gone: undefined });
      for (const { epochId, seq } of epochs)
        if (this.#prunedSeq(epochId) === seq) marked.add(epochId);
    });
    return marked;
  }

  #prunedSeq(epochId: number): number {
    return this.#options.store.pruned(epochId)?.seq ?? 0;
  }
}
