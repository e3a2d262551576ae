/**
 * Which of the held tiles serve a view, and which must be asked for.
 *
 *     wanted      |   A   |   B   |   C   |   D   |     tiles of the view's level
 *     held        |   A   |b1 | b2|           ....      a coarser one over C and D
 *     drawn       |   A   |b1 | b2|  coarse for now |   C and D are asked for
 *
 * The tile itself is best. A coarser one that gives its events one by one holds all there is, so it is
 * as good, if all others give theirs too. Two finer halves add up to the tile exactly. A coarser one
 * without its events is shown until the tile comes, and where there is none, nothing is known.
 */
import type { Viewport } from "../scale/time-scale.ts";
import type { Knowledge } from "./knowledge.ts";
import type { Tile } from "./tile.ts";
import {
  childrenOf,
  parentOf,
  type TileAddress,
  TOP_LEVEL,
  tileRange,
  tileTicks,
  wantedTiles,
} from "./tile-address.ts";
import { type HeldTile, isStale, type TileStore } from "./tile-store.ts";

/** Part of a tile, drawn at one of its levels. */
export interface Segment {
  readonly tile: Tile;
  readonly from: number;
  readonly to: number;
  /** Place in the tile's `levels`. */
  readonly level: number;
  /** Stands in for finer tiles that are on their way. */
  readonly isCoarse: boolean;
}

export interface Cover {
  /** Ticks of a cell: 2^level of the view. */
  readonly cellTicks: number;
  /** Ascending and disjoint. */
  readonly segments: readonly Segment[];
  /** Nothing is held of these, ascending. */
  readonly missing: readonly { readonly from: number; readonly to: number }[];
  /** To be asked for: what is seen first, then what is near; the middle before the edges. */
  readonly asks: readonly TileAddress[];
  /** How many of `asks` are seen, and so how many tiles the view waits for. */
  readonly seenAsks: number;
  readonly seenCount: number;
}

/** Finer tiles are looked for so many levels down, and coarser ones so many up. */
const FINER_LEVELS = 4;
const COARSER_LEVELS = 6;

export function coverOf(store: TileStore, view: Viewport, width: number, now: Knowledge): Cover {
  const first = coverWith(store, view, width, now, true);
  const isExact = first.segments.every(({ tile, isCoarse }) => isCoarse || tile.events !== null);
  // Beside counted tiles, those that lie on coarse ones would be drawn too coarse.
  return isExact ? first : coverWith(store, view, width, now, false);
}

function coverWith(
  store: TileStore,
  view: Viewport,
  width: number,
  now: Knowledge,
  takesExactAncestors: boolean,
): Cover {
  const { level, seen, near } = wantedTiles(view, width);
  const segments: Segment[] = [];
  const missing: { from: number; to: number }[] = [];
  const isAsked = new Set<TileAddress>();
  const all = [...seen, ...near].sort((a, b) => a.index - b.index);
  for (const address of all) {
    const found =
      heldAt(store, address, now, level, takesExactAncestors) ??
      halves(store, address, now, level, FINER_LEVELS);
    if (found === undefined || found.isStale) isAsked.add(address);
    const parts = found?.segments ?? ancestor(store, address);
    if (parts === undefined) missing.push(tileRange(address));
    else for (const part of parts) append(segments, part);
  }
  const middle = (view.from + view.to) / 2 / tileTicks(level);
  const fromMiddle = ({ index }: TileAddress): number => Math.abs(index + 0.5 - middle);
  const asked = (from: readonly TileAddress[]): TileAddress[] =>
    from.filter((address) => isAsked.has(address)).sort((a, b) => fromMiddle(a) - fromMiddle(b));
  const seenAsks = asked(seen);
  return {
    cellTicks: 2 ** level,
    segments,
    missing,
    asks: [...seenAsks, ...asked(near)],
    seenAsks: seenAsks.length,
    seenCount: seen.length,
  };
}

interface Found {
  readonly segments: readonly Segment[];
  readonly isStale: boolean;
}

/** The tile itself, or a coarser one that gives its events one by one. */
function heldAt(
  store: TileStore,
  address: TileAddress,
  now: Knowledge,
  level: number,
  takesExactAncestors: boolean,
): Found | undefined {
  const own = store.get(address);
  if (own !== undefined) return foundIn(own, address, now, level);
  if (!takesExactAncestors) return undefined;
  let above = address;
  while (above.level < TOP_LEVEL) {
    above = parentOf(above);
    const held = store.get(above);
    if (held !== undefined && held.tile.events !== null) {
      const found = foundIn(held, address, now, level);
      if (!found.isStale) return found;
    }
  }
  return undefined;
}

function foundIn(held: HeldTile, address: TileAddress, now: Knowledge, level: number): Found {
  const { tile } = held;
  const up = Math.max(0, level - Math.log2(tile.cellTicks));
  const range = tileRange(address);
  const segment = { tile, ...range, level: Math.min(up, tile.levels.length - 1), isCoarse: false };
  return { segments: [segment], isStale: isStale(held, now) };
}

/** Two halves that are held, or halves of theirs. */
function halves(
  store: TileStore,
  address: TileAddress,
  now: Knowledge,
  level: number,
  depth: number,
): Found | undefined {
  if (depth === 0 || address.level === 0) return undefined;
  const segments: Segment[] = [];
  let isOld = false;
  for (const child of childrenOf(address)) {
    const own = store.get(child);
    const found =
      own === undefined
        ? halves(store, child, now, level, depth - 1)
        : foundIn(own, child, now, level);
    if (found === undefined) return undefined;
    isOld ||= found.isStale;
    segments.push(...found.segments);
  }
  return { segments, isStale: isOld };
}

/** The nearest coarser tile, as far as it covers the address. */
function ancestor(store: TileStore, address: TileAddress): readonly Segment[] | undefined {
  let above = address;
  for (let up = 0; up < COARSER_LEVELS && above.level < TOP_LEVEL; up += 1) {
    above = parentOf(above);
    const tile = store.get(above)?.tile;
    if (tile !== undefined) {
      return [{ tile, ...tileRange(address), level: 0, isCoarse: true }];
    }
  }
  return undefined;
}

/** Neighbouring parts of one tile become one. */
function append(segments: Segment[], part: Segment): void {
  const last = segments.at(-1);
  const isNext =
    last !== undefined &&
    last.tile === part.tile &&
    last.level === part.level &&
    last.isCoarse === part.isCoarse &&
    last.to + 1 === part.from;
  if (isNext) segments[segments.length - 1] = { ...last, to: part.to };
  else segments.push(part);
}
