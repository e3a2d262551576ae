/**
 * Counts of what happened, in cells of a power of two of ticks that lie at multiples of their width
 * since 2020: so the cells of one level add up exactly to those of the level above, and two requests
 * for neighbouring ranges share them.
 *
 *     level k+1     |    cell     |    cell     |
 *     level k       | cell | cell | cell | cell |        a tile: TILE_CELLS cells in a row
 *
 * A tile is made from batches where it is short, else by adding up the two of the level
 * below. A measure that nothing was counted for takes no memory.
 * Hot: bench `timeline`.
 */
import {
  type Batch,
  type EventBody,
  type Hlc,
  KindCode,
  ValueTag,
} from "../../agent/kernel/index.ts";
import { TILE_CELLS_LOG2 } from "../store/tile-levels.ts";
import { indexAfter } from "./epoch-source.ts";

export const TILE_CELLS: number = 2 ** TILE_CELLS_LOG2;
/** Columns of a cell. */
export const Measure: {
  readonly changes: 0;
  readonly sends: 1;
  readonly receives: 2;
  readonly requests: 3;
  readonly marks: 4;
  /** Keyframes, joins, leaves. */
  readonly others: 5;
  readonly worstUs: 6;
  readonly cutShort: 7;
} = {
  changes: 0,
  sends: 1,
  receives: 2,
  requests: 3,
  marks: 4,
  others: 5,
  worstUs: 6,
  cutShort: 7,
};
export const MEASURES = 8;
const TILE_BYTES = 400;
const BUNDLE_BYTES = 150;

/** Messages from one node that were sent in one cell. */
export interface TileBundle {
  readonly from: string;
  /** Cell of the earliest send, at the tile's level. */
  readonly sentCell: number;
  readonly sentAt: Hlc;
  readonly receivedAt: Hlc;
  readonly count: number;
}

export interface Tile {
  readonly level: number;
  /** Of its first cell: cell i covers [(first + i) * 2^level, (first + i + 1) * 2^level). */
  readonly first: number;
  readonly cellCount: number;
  /** By measure: a number per cell, or nothing while all are 0. */
  readonly columns: (Float64Array | undefined)[];
  /** Messages received in the tile. */
  readonly bundles: Map<string, TileBundle>;
}

export function emptyTile(level: number, first: number, cellCount: number = TILE_CELLS): Tile {
  return { level, first, cellCount, columns: new Array(MEASURES), bundles: new Map() };
}

/** What a tile takes in memory, about. */
export function bytesOf({ cellCount, columns, bundles }: Tile): number {
  const columnCount = columns.filter((column) => column !== undefined).length;
  return TILE_BYTES + columnCount * cellCount * 8 + bundles.size * BUNDLE_BYTES;
}

/** The count of a measure in a cell. */
export function countAt({ columns }: Tile, measure: number, cell: number): number {
  return columns[measure]?.[cell] ?? 0;
}

function column(tile: Tile, measure: number): Float64Array {
  let found = tile.columns[measure];
  if (found === undefined) {
    found = new Float64Array(tile.cellCount);
    tile.columns[measure] = found;
  }
  return found;
}

/** Which changes and keyframes to count; all other kinds always are. */
export interface CountedLogs {
  readonly counts: (log: string, key: string) => boolean;
  readonly countsKeyframe: (log: string) => boolean;
}

/** Counts a batch's events that lie in the tile. */
export function addBatch(tile: Tile, { events }: Batch, counted?: CountedLogs): void {
  const width = 2 ** tile.level;
  const start = tile.first * width;
  const end = indexAfter(events.t, (start + tile.cellCount * width - 1) as Hlc, events.count);
  const changes = column(tile, Measure.changes);
  const wanted = counted && events.variables.map(({ log, key }) => counted.counts(log, key));
  for (let i = indexAfter(events.t, (start - 1) as Hlc, events.count); i < end; i += 1) {
    const t = events.t[i] as Hlc;
    const cell = Math.floor((t - start) / width);
    const code = events.kind[i] as number;
    const ref = events.ref[i] as number;
    if (code > 3) {
      const body = events.bodies[ref] as EventBody;
      const isOther = body.kind === "keyframe" && counted?.countsKeyframe(body.log) === false;
      if (!isOther) addBody(tile, cell, t, code, body);
    } else if (wanted === undefined || wanted[ref]) {
      add(changes, cell, 1);
      if (events.valueTag[i] === ValueTag.cutShort) column(tile, Measure.cutShort)[cell] = 1;
    }
  }
}

function addBody(tile: Tile, cell: number, t: Hlc, code: number, body: EventBody): void {
  add(column(tile, measureOf(code)), cell, 1);
  if (body.kind === "request") {
    const worst = column(tile, Measure.worstUs);
    worst[cell] = Math.max(body.residenceUs, worst[cell] as number);
  } else if (body.kind === "receive" && body.from !== null && body.sentT !== null) {
    if (!body.relayed) addBundle(tile, body.from.node, body.sentT, t, 1);
  }
}

function measureOf(code: number): number {
  if (code === KindCode.send) return Measure.sends;
  if (code === KindCode.receive) return Measure.receives;
  if (code === KindCode.request) return Measure.requests;
  return code === KindCode.mark ? Measure.marks : Measure.others;
}

function addBundle(tile: Tile, from: string, sentAt: Hlc, receivedAt: Hlc, count: number): void {
  const sentCell = Math.floor(sentAt / 2 ** tile.level);
  const key = `${sentCell}/${from}`;
  const known = tile.bundles.get(key);
  tile.bundles.set(key, {
    from,
    sentCell,
    sentAt: Math.min(sentAt, known?.sentAt ?? sentAt) as Hlc,
    receivedAt: Math.min(receivedAt, known?.receivedAt ?? receivedAt) as Hlc,
    count: count + (known?.count ?? 0),
  });
}

/** Adds up a tile of a finer or the same level into the cells of `tile` that cover it. */
export function addTile(tile: Tile, finer: Tile): void {
  const factor = 2 ** (tile.level - finer.level);
  // The finer cells that lie inside.
  const start = Math.max(0, tile.first * factor - finer.first);
  const end = Math.min(finer.cellCount, (tile.first + tile.cellCount) * factor - finer.first);
  for (let measure = 0; measure < MEASURES; measure += 1) {
    const source = finer.columns[measure];
    if (source === undefined) continue;
    const sums = column(tile, measure);
    const isMaximum = measure >= Measure.worstUs;
    for (let cell = start; cell < end; cell += 1) {
      const count = source[cell] as number;
      if (count === 0) continue;
      const target = Math.floor((finer.first + cell) / factor) - tile.first;
      if (isMaximum) sums[target] = Math.max(sums[target] as number, count);
      else add(sums, target, count);
    }
  }
  for (const { from, sentAt, receivedAt, count } of finer.bundles.values()) {
    addBundle(tile, from, sentAt, receivedAt, count);
  }
}

function add(sums: Float64Array, cell: number, count: number): void {
  sums[cell] = (sums[cell] as number) + count;
}
