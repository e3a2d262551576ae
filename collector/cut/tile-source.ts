/**
 * Tiles of an epoch, from memory or made: the pyramid behind the timeline.
 *
 * A tile is kept only where nothing can still come: up to the watermark, and under a name that holds
 * the epoch's count of repairs. The live end is counted afresh.
 */
import type { Hlc } from "../../agent/kernel/index.ts";
import type { EpochRecord } from "../store/history-store.ts";
import type { EpochSource } from "./epoch-source.ts";
import { LruCache } from "./lru-cache.ts";
import { addBatch, addTile, bytesOf, emptyTile, TILE_CELLS, type Tile } from "./timeline-tile.ts";
import type { Work } from "./turns.ts";

/** A tile expected to hold at most so many events is counted from its batches. */
const EVENTS_PER_TILE = 4_096;

export class TileSource {
  readonly #source: EpochSource;
  readonly #tiles: LruCache<string, Tile>;

  constructor(source: EpochSource, limitBytes: number) {
    this.#source = source;
    this.#tiles = new LruCache(limitBytes);
  }

  dropCaches(): void {
    this.#tiles.clear();
  }

  /** Counts of an epoch in cells of 2^level ticks: `count` cells from cell number `first`. */
  *cells(record: EpochRecord, level: number, first: number, count: number): Work<Tile> {
    const result = emptyTile(level, first, count);
    const width = 2 ** level;
    const from = Math.max(first, Math.floor(record.joined / width));
    const to = Math.min(first + count - 1, Math.floor(record.lastT / width));
    const lastTile = Math.floor(to / TILE_CELLS);
    for (let tile = Math.floor(from / TILE_CELLS); tile <= lastTile; tile += 1) {
      addTile(result, yield* this.#tile(record, level, tile));
      yield;
    }
    return result;
  }

  *#tile(record: EpochRecord, level: number, index: number): Work<Tile> {
    const name = `${record.id}/${this.#source.store.repairCount(record.id)}/${level}/${index}`;
    const known = this.#tiles.get(name);
    if (known !== undefined) return known;
    const tile = yield* this.#make(record, level, index);
    const end = (index + 1) * TILE_CELLS * 2 ** level;
    if (end <= record.watermark) {
      this.#tiles.set(name, tile, bytesOf(tile));
    }
    return tile;
  }

  *#make(record: EpochRecord, level: number, index: number): Work<Tile> {
    const tile = emptyTile(level, index * TILE_CELLS);
    const width = 2 ** level;
    const ticks = TILE_CELLS * width;
    const start = index * ticks;
    if (start > record.lastT || start + ticks <= record.joined) return tile;
    const isShort = expectedEvents(record, ticks) <= EVENTS_PER_TILE;
    if (isShort || level === 0) {
      const from = Math.max(start, record.joined) as Hlc;
      const to = Math.min(start + ticks - 1, record.lastT) as Hlc;
      for (const batch of this.#source.batches(record.id, from, to)) {
        addBatch(tile, batch);
        yield;
      }
      return tile;
    }
    addTile(tile, yield* this.#tile(record, level - 1, index * 2));
    addTile(tile, yield* this.#tile(record, level - 1, index * 2 + 1));
    return tile;
  }
}

/** By the epoch's mean rate. A burst makes a tile dearer to count, never wrong. */
function expectedEvents({ eventCount, joined, lastT }: EpochRecord, ticks: number): number {
  return (eventCount / Math.max(1, lastT - joined)) * ticks;
}
