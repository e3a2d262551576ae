/**
 * How time is divided into tiles: the same stretches are asked for wherever a view lies, so a small
 * move finds its tiles already there.
 *
 *     level n+1     |              tile               |        TILE_CELLS cells of 2^(n+1) ticks
 *     level n       |      tile      |      tile      |        TILE_CELLS cells of 2^n ticks
 *
 * The level of a view is ticks per pixel rounded down to a power of two, so a pixel is worth one or
 * two cells. A tile lies at a multiple of its own length and covers [first, last], both ends in it.
 */
import { type Hlc, MAX_HLC, MIN_HLC } from "../../../agent/kernel/index.ts";
import type { Viewport } from "../scale/time-scale.ts";

const TILE_CELLS_LOG2 = 9;
/** Cells of a tile: a request for that many pixels. */
export const TILE_CELLS: number = 2 ** TILE_CELLS_LOG2;
/** Ten years on a hundred pixels; nobody sees more. */
export const TOP_LEVEL = 44;
/** Share of the view on each side that is worth having before it is seen. */
export const MARGIN_SHARE = 0.25;

export interface TileAddress {
  readonly level: number;
  readonly index: number;
}

/** Ticks that a tile of the level covers. */
export function tileTicks(level: number): number {
  return 2 ** (level + TILE_CELLS_LOG2);
}

export function tileKey({ level, index }: TileAddress): string {
  return `${level}/${index}`;
}

/** First and last tick, clamped to what is a time at all. */
export function tileRange({ level, index }: TileAddress): { readonly from: Hlc; readonly to: Hlc } {
  const ticks = tileTicks(level);
  return {
    from: Math.max(MIN_HLC, index * ticks) as Hlc,
    to: Math.min(MAX_HLC, (index + 1) * ticks - 1) as Hlc,
  };
}

/** The tile one level up that covers this one. */
export function parentOf({ level, index }: TileAddress): TileAddress {
  return { level: level + 1, index: Math.floor(index / 2) };
}

export function childrenOf({ level, index }: TileAddress): readonly [TileAddress, TileAddress] {
  return [
    { level: level - 1, index: index * 2 },
    { level: level - 1, index: index * 2 + 1 },
  ];
}

/** The level whose cells are as wide as a pixel, or down to half as wide. */
export function levelOf({ from, to }: Viewport, width: number): number {
  const ticksPerPixel = (to - from) / Math.max(1, width);
  return Math.min(TOP_LEVEL, Math.max(0, Math.floor(Math.log2(ticksPerPixel))));
}

/** The tiles of a level that touch [from, to], ascending. */
export function tilesIn(from: number, to: number, level: number): TileAddress[] {
  const ticks = tileTicks(level);
  const first = Math.floor(Math.max(MIN_HLC, from) / ticks);
  const last = Math.floor(Math.min(MAX_HLC, to) / ticks);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => ({
    level,
    index: first + i,
  }));
}

export interface WantedTiles {
  readonly level: number;
  /** Those that the view shows, ascending. */
  readonly seen: readonly TileAddress[];
  /** Those just outside, which a pan would show next. */
  readonly near: readonly TileAddress[];
}

/** What a view needs, and what it may need next. */
export function wantedTiles(view: Viewport, width: number): WantedTiles {
  const level = levelOf(view, width);
  const air = Math.round((view.to - view.from) * MARGIN_SHARE);
  const seen = tilesIn(view.from, view.to, level);
  const known = new Set(seen.map(tileKey));
  const near = tilesIn(view.from - air, view.to + air, level);
  return { level, seen, near: near.filter((one) => !known.has(tileKey(one))) };
}
