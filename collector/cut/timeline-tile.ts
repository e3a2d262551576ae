/**
 * Counts of what happened, in cells of a power of two of ticks that lie at multiples of their width
 * since 2020: so the cells of one level add up exactly to those of the level above, and two requests
 * for neighbouring ranges share them.
 *
 *     level k+2     |           cell            |
 *     level k       | cell | cell | cell | cell |        a tile: TILE_CELLS cells in a row
 *
 * A tile is made from batches where it is short, else by adding up tiles two levels below.
 * Hot: bench `timeline`.
 */
import {
  type Batch,
  type EventBody,
  type Hlc,
  KindCode,
  ValueTag,
} from "../../agent/kernel/index.ts";
import { indexAfter } from "./epoch-source.ts";

export const TILE_CELLS = 256;
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
  /** MEASURES numbers per cell. */
  readonly cells: Float64Array;
  /** Messages received in the tile. */
  readonly bundles: Map<string, TileBundle>;
}

export function emptyTile(level: number, first: number, cellCount: number = TILE_CELLS): Tile {
  return { level, first, cells: new Float64Array(cellCount * MEASURES), bundles: new Map() };
}

/** Which changes to count; all other kinds always are. */
export type CountsChange = ((log: string, key: string) => boolean) | undefined;

/** Counts a batch's events that lie in the tile. */
export function addBatch(tile: Tile, { events }: Batch, countsChange?: CountsChange): void {
  const width = 2 ** tile.level;
  const start = tile.first * width;
  const cellCount = tile.cells.length / MEASURES;
  const end = indexAfter(events.t, (start + cellCount * width - 1) as Hlc, events.count);
  const wanted = countsChange && events.variables.map(({ log, key }) => countsChange(log, key));
  for (let i = indexAfter(events.t, (start - 1) as Hlc, events.count); i < end; i += 1) {
    const t = events.t[i] as Hlc;
    const at = Math.floor((t - start) / width) * MEASURES;
    const code = events.kind[i] as number;
    const ref = events.ref[i] as number;
    if (code > 3) {
      addBody(tile, at, t, code, events.bodies[ref] as EventBody);
    } else if (wanted === undefined || wanted[ref]) {
      add(tile.cells, at + Measure.changes, 1);
      if (events.valueTag[i] === ValueTag.cutShort) tile.cells[at + Measure.cutShort] = 1;
    }
  }
}

function addBody(tile: Tile, at: number, t: Hlc, code: number, body: EventBody): void {
  const { cells } = tile;
  if (code === KindCode.send) add(cells, at + Measure.sends, 1);
  else if (code === KindCode.receive) {
    add(cells, at + Measure.receives, 1);
    if (body.kind === "receive" && body.from !== null && body.sentT !== null && !body.relayed) {
      addBundle(tile, body.from.node, body.sentT, t, 1);
    }
  } else if (code === KindCode.request) {
    add(cells, at + Measure.requests, 1);
    const us = body.kind === "request" ? body.residenceUs : 0;
    cells[at + Measure.worstUs] = Math.max(us, cells[at + Measure.worstUs] as number);
  } else if (code === KindCode.mark) add(cells, at + Measure.marks, 1);
  else add(cells, at + Measure.others, 1);
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

/** Adds up a tile of a finer level into the coarser cells of `tile` that cover it. */
export function addTile(tile: Tile, finer: Tile): void {
  const factor = 2 ** (tile.level - finer.level);
  const cellCount = tile.cells.length / MEASURES;
  for (let cell = 0; cell < finer.cells.length / MEASURES; cell += 1) {
    const target = Math.floor((finer.first + cell) / factor) - tile.first;
    if (target < 0 || target >= cellCount) continue;
    addCell(tile.cells, target * MEASURES, finer.cells, cell * MEASURES);
  }
  for (const { from, sentAt, receivedAt, count } of finer.bundles.values()) {
    addBundle(tile, from, sentAt, receivedAt, count);
  }
}

function addCell(cells: Float64Array, at: number, from: Float64Array, source: number): void {
  for (let measure = 0; measure < Measure.worstUs; measure += 1) {
    add(cells, at + measure, from[source + measure] as number);
  }
  for (let measure = Measure.worstUs; measure < MEASURES; measure += 1) {
    cells[at + measure] = Math.max(cells[at + measure] as number, from[source + measure] as number);
  }
}

function add(cells: Float64Array, at: number, count: number): void {
  cells[at] = (cells[at] as number) + count;
}
