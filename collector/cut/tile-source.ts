/**
 * Tiles of an epoch: from memory, from the store, or made. The pyramid behind the timeline.
 *
 *     level k + 2        |               tile                |       kept in the store
 *     level k + 1        |      tile       |      tile       |       made of two
 *     level k            |  tile  |  tile  |  tile  |  tile  |       kept in the store
 *     few events         |batches ...                                counted
 *
 * A tile is kept only where nothing can still come: up to the watermark. A repair drops those in the
 * store (tile-writer.ts wrote them); those in memory have the epoch's count of repairs in their names.
 * A tile that holds few events is counted from its batches, whatever its level: so what a tile costs is
 * bounded wherever it lies, in a burst as in a quiet hour.
 */
import { type Hlc, RetroError } from "../../agent/kernel/index.ts";
import type { EpochRecord } from "../store/history-store.ts";
import { TOP_TILE_LEVEL, tileSpan } from "../store/tile-levels.ts";
import type { EpochSource } from "./epoch-source.ts";
import type { CutLimits } from "./limits.ts";
import { LruCache } from "./lru-cache.ts";
import { beginningOf } from "./pruned.ts";
import { decodeTile } from "./tile-codec.ts";
import { addBatch, addTile, bytesOf, emptyTile, TILE_CELLS, type Tile } from "./timeline-tile.ts";
import type { Work } from "./turns.ts";

/** Every second level is kept in the store, from level 0 on: the others are the sum of two. */
export const KEPT_LEVEL_STEP = 2;

export class TileSource {
  readonly #source: EpochSource;
  readonly #limits: CutLimits;
  readonly #tiles: LruCache<string, Tile>;

  constructor(source: EpochSource, limits: CutLimits) {
    this.#source = source;
    this.#limits = limits;
    this.#tiles = new LruCache(limits.digestCacheBytes);
  }

  dropCaches(): void {
    this.#tiles.clear();
  }

  /** Counts of an epoch in cells of 2^level ticks: `count` cells from cell number `first`. */
  *cells(record: EpochRecord, level: number, first: number, count: number): Work<Tile> {
    const result = emptyTile(level, first, count);
    const width = 2 ** level;
    const beginning = beginningOf(this.#source.store, record);
    const from = Math.max(first, Math.floor(beginning / width));
    const to = Math.min(first + count - 1, Math.floor(record.lastT / width));
    const lastTile = Math.floor(to / TILE_CELLS);
    for (let tile = Math.floor(from / TILE_CELLS); tile <= lastTile; tile += 1) {
      addTile(result, yield* this.tile(record, level, tile));
      yield;
    }
    return result;
  }

  /** The tile of that level and index: its first cell is number index * TILE_CELLS. */
  *tile(record: EpochRecord, level: number, index: number): Work<Tile> {
    const { store } = this.#source;
    const pruned = store.pruned(record.id);
    const version = `${store.repairCount(record.id)}/${pruned?.seq ?? 0}`;
    const name = `${record.id}/${version}/${level}/${index}`;
    const known = this.#tiles.get(name);
    if (known !== undefined) return known;
    const isSettled = (index + 1) * tileSpan(level) <= record.watermark;
    // One that was counted with events that are no longer served is counted again.
    const isWhole = pruned === undefined || index * tileSpan(level) > pruned.t;
    const kept = isSettled && isWhole ? this.#kept(record.id, level, index) : undefined;
    const tile = kept ?? (yield* this.#make(record, level, index));
    if (isSettled) this.#tiles.set(name, tile, bytesOf(tile));
    return tile;
  }

  /** Whether counting the batches costs less than a tile in the store would save. */
  isShort(record: EpochRecord, from: number, to: number): boolean {
    const count = this.#source.eventsBetween(record.id, from as Hlc, to as Hlc);
    return count <= this.#limits.tileEvents;
  }

  #kept(epochId: number, level: number, index: number): Tile | undefined {
    if (level % KEPT_LEVEL_STEP !== 0 || level > TOP_TILE_LEVEL) return undefined;
    const bytes = this.#source.store.tile(epochId, level, index);
    if (bytes === undefined) return undefined;
    try {
      return decodeTile(bytes, level, index * TILE_CELLS);
    } catch (error) {
      if (error instanceof RetroError) return undefined;
      throw error;
    }
  }

  *#make(record: EpochRecord, level: number, index: number): Work<Tile> {
    const tile = emptyTile(level, index * TILE_CELLS);
    const start = index * tileSpan(level);
    const from = Math.max(start, record.joined) as Hlc;
    const to = Math.min(start + tileSpan(level) - 1, record.lastT) as Hlc;
    if (from > to) return tile;
    if (level === 0 || this.isShort(record, from, to)) {
      for (const batch of this.#source.batches(record.id, from, to)) {
        addBatch(tile, batch);
        yield;
      }
      return tile;
    }
    addTile(tile, yield* this.tile(record, level - 1, index * 2));
    addTile(tile, yield* this.tile(record, level - 1, index * 2 + 1));
    return tile;
  }
}
