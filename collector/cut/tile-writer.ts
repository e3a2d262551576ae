/**
 * Writes timeline tiles behind ingest, so that no question has to count a long history: not even the
 * first after a start.
 *
 * A tile is written once it is over (its end is at or before the watermark) and holds more events than
 * are quickly counted. What is to be done is found from the top: a stretch of few events has no tile on
 * any level below it, one whose tile is kept has all that it needs below.
 *
 *     visit a tile    kept already, or few events: nothing to do
 *                     else visit its four parts, then write it if it is over
 *
 * So a start needs no mark of how far the last run came, and the work is that of the tiles written.
 * A tile that was counted before a repair is dropped by the store (`TilesWrite.repairCount`).
 */

import type { EpochRecord, TileRecord } from "../store/history-store.ts";
import { TOP_TILE_LEVEL, tileSpan } from "../store/tile-levels.ts";
import type { Behind } from "./behind.ts";
import { EpochQueue } from "./epoch-queue.ts";
import type { EpochSource } from "./epoch-source.ts";
import { letGoOfForgotten } from "./forgotten-epochs.ts";
import type { CutLimits } from "./limits.ts";
import { encodeTile } from "./tile-codec.ts";
import { KEPT_LEVEL_STEP, type TileSource } from "./tile-source.ts";
import type { Work } from "./turns.ts";

/** Tiles in one write. */
const TILES_PER_WRITE = 64;
const PARTS = 2 ** KEPT_LEVEL_STEP;

/** How far an epoch has been looked through in this run. */
interface Progress {
  readonly eventCount: number;
  readonly watermark: number;
  readonly repairCount: number;
}

export class TileWriter {
  readonly #source: EpochSource;
  readonly #tiles: TileSource;
  readonly #limits: CutLimits;
  readonly #behind: Behind;
  readonly #done = new Map<number, Progress>();
  readonly #queue: EpochQueue;
  #tileCount = 0;

  constructor(source: EpochSource, tiles: TileSource, limits: CutLimits, behind: Behind) {
    this.#source = source;
    this.#tiles = tiles;
    this.#limits = limits;
    this.#behind = behind;
    this.#queue = new EpochQueue(source.store, behind, (epochId) => this.#advance(epochId));
  }

  /** Tiles written since the start. */
  get tileCount(): number {
    return this.#tileCount;
  }

  /** Why the last work ended early, if it did: timelines are then slower, not different. */
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

  async #advance(id: number): Promise<void> {
    letGoOfForgotten(this.#done, this.#source.store);
    const record = this.#source.store.epoch(id);
    if (record === undefined) return;
    const { eventCount, watermark } = record;
    const repairCount = this.#source.store.repairCount(id);
    const known = this.#done.get(id);
    const isRepaired = known !== undefined && known.repairCount !== repairCount;
    const news = eventCount - (known?.eventCount ?? 0);
    if (news <= this.#limits.tileEvents && !isRepaired) return;
    const doneTo = known === undefined || isRepaired ? Number.NEGATIVE_INFINITY : known.watermark;
    const found: TileRecord[] = [];
    const visits = this.#visitAll(record, doneTo, found);
    try {
      for (let isLeft: boolean | undefined = true; isLeft; ) {
        isLeft = await this.#behind.run(untilFull(visits, found));
        if (isLeft === undefined) return;
        const tiles = found.splice(0);
        this.#tileCount += tiles.length;
        if (tiles.length > 0) {
          await this.#source.store.writeTiles({ epochId: id, repairCount, tiles });
        }
      }
    } finally {
      visits.return();
    }
    this.#done.set(id, { eventCount, watermark, repairCount });
  }

  /** From the finest level on which two tiles cover the epoch: above it nothing is over. */
  *#visitAll(record: EpochRecord, doneTo: number, found: TileRecord[]): Work<void> {
    let level = 0;
    let first = 0;
    let last = 0;
    for (; level <= TOP_TILE_LEVEL; level += KEPT_LEVEL_STEP) {
      first = Math.floor(record.joined / tileSpan(level));
      last = Math.floor(record.lastT / tileSpan(level));
      if (last - first < 2) break;
    }
    level = Math.min(level, TOP_TILE_LEVEL);
    for (let index = first; index <= last; index += 1) {
      yield* this.#visit(record, level, index, doneTo, found);
    }
  }

  *#visit(
    record: EpochRecord,
    level: number,
    index: number,
    doneTo: number,
    found: TileRecord[],
  ): Work<void> {
    const start = index * tileSpan(level);
    const end = start + tileSpan(level);
    const from = Math.max(start, record.joined);
    const to = Math.min(end - 1, record.lastT, record.watermark);
    if (end <= doneTo || from > to) return;
    const isOver = end <= record.watermark;
    if (isOver && this.#source.store.tile(record.id, level, index) !== undefined) return;
    yield;
    if (this.#tiles.isShort(record, from, to)) return;
    if (level >= KEPT_LEVEL_STEP) {
      for (let part = 0; part < PARTS; part += 1) {
        const ofPart = index * PARTS + part;
        yield* this.#visit(record, level - KEPT_LEVEL_STEP, ofPart, doneTo, found);
      }
    }
    if (!isOver) return;
    const bytes = encodeTile(yield* this.#tiles.tile(record, level, index));
    // Counted over damage: each question counts anew, and is told of it.
    if (this.#source.isDamagedBetween(record.id, from, to)) return;
    if (bytes !== undefined) found.push({ level, index, bytes });
    yield;
  }
}

/** Goes on until a write is full; says whether anything is left. */
function* untilFull(work: Work<void>, found: readonly TileRecord[]): Work<boolean> {
  while (found.length < TILES_PER_WRITE) {
    if (work.next().done === true) return false;
    yield;
  }
  return true;
}
