/**
 * The tiles that the page holds: bounded by bytes, the farthest from what is looked at dropped first;
 * each with what was known when it was asked for, so that one that may have changed is asked again.
 */
import type { Viewport } from "../scale/time-scale.ts";
import type { Knowledge } from "./knowledge.ts";
import type { Tile } from "./tile.ts";
import { levelOf, type TileAddress, tileKey } from "./tile-address.ts";

/** Memory for tiles. With painters, panels and code the page stays below 150 MB. */
export const MAX_TILE_BYTES: number = 48 * 1024 * 1024;

export interface HeldTile {
  readonly address: TileAddress;
  readonly tile: Tile;
  readonly known: Knowledge;
}

/** A stretch that somebody looks at, and how wide it is drawn. */
export interface Look {
  readonly view: Viewport;
  readonly width: number;
}

/** Whether events may have come since that lie in the tile. */
export function isStale({ tile, known }: HeldTile, now: Knowledge): boolean {
  if (known === now) return false;
  if (known.members !== now.members) return true;
  if (tile.from > now.last) return false;
  if (tile.to > known.last && known.last !== now.last) return true;
  return known.watermarks.some((t, member) => t < tile.to && t !== now.watermarks[member]);
}

export class TileStore {
  readonly #held = new Map<string, HeldTile>();
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes: number = MAX_TILE_BYTES) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }
  get count(): number {
    return this.#held.size;
  }

  get(address: TileAddress): HeldTile | undefined {
    return this.#held.get(tileKey(address));
  }

  put(held: HeldTile): void {
    const key = tileKey(held.address);
    this.#bytes += held.tile.bytes - (this.#held.get(key)?.tile.bytes ?? 0);
    this.#held.set(key, held);
  }

  /** Drops what is farthest from every look, until the rest fits. What is looked at stays. */
  trim(looks: readonly Look[]): void {
    if (this.#bytes <= this.#maxBytes) return;
    const byDistance = [...this.#held]
      .map(([key, held]) => ({ key, held, distance: distanceTo(held.address, held.tile, looks) }))
      .sort((a, b) => b.distance - a.distance);
    for (const { key, held, distance } of byDistance) {
      if (this.#bytes <= this.#maxBytes || distance === 0) return;
      this.#held.delete(key);
      this.#bytes -= held.tile.bytes;
    }
  }
}

/** A level finer is as far as so many widths of the view: finer ones are the many. */
const FINER_COST = 4;
/** A level coarser: few, and shown while the right ones are on their way. */
const COARSER_COST = 0.5;

/** 0 for what is drawn now; else widths of the view in time, and levels. */
export function distanceTo(address: TileAddress, tile: Tile, looks: readonly Look[]): number {
  let nearest = Number.POSITIVE_INFINITY;
  for (const { view, width } of looks) {
    const away = Math.max(0, tile.from - view.to, view.from - tile.to) / (view.to - view.from);
    const levels = address.level - levelOf(view, width);
    const cost = levels < 0 ? -levels * FINER_COST : levels * COARSER_COST;
    nearest = Math.min(nearest, away + cost);
  }
  return nearest;
}
