/**
 * Bytes of a timeline tile, for the store. Version 1; what cannot be read is counted again.
 *
 *     version | per measure: 0 none, 1 varints, 2 floats; then a number per cell
 *     count of senders, their names | count of bundles
 *     per bundle: sender | cell - first, zigzag | sent after the cell's beginning |
 *                 received - sent, zigzag | count
 */
import {
  ByteReader,
  ByteWriter,
  type Hlc,
  RetroError,
  unzigzag,
  zigzag,
} from "../../agent/kernel/index.ts";
import { emptyTile, MEASURES, type Tile, type TileBundle } from "./timeline-tile.ts";

const VERSION = 1;
const NONE = 0;
const VARINTS = 1;
const FLOATS = 2;
/** A difference of times that a varint holds, zigzag and all. */
const FARTHEST = 2 ** 50;
const MAX_NAME = 65_536;

const writer = new ByteWriter();

/** The bytes of a tile; undefined if its messages lie too far apart in time to be written. */
export function encodeTile(tile: Tile): Uint8Array | undefined {
  writer.clear();
  writer.byte(VERSION);
  for (let measure = 0; measure < MEASURES; measure += 1) writeColumn(tile.columns[measure]);
  const bundles = [...tile.bundles.values()];
  const senders = [...new Set(bundles.map(({ from }) => from))];
  const numbers = new Map(senders.map((from, index) => [from, index]));
  writer.varint(senders.length);
  for (const from of senders) writer.lengthAndText(from);
  writer.varint(bundles.length);
  for (const { from, sentCell, sentAt, receivedAt, count } of bundles) {
    const cell = sentCell - tile.first;
    const ticks = receivedAt - sentAt;
    if (Math.abs(cell) > FARTHEST || Math.abs(ticks) > FARTHEST) return undefined;
    writer.varint(numbers.get(from) as number);
    writer.varint(zigzag(cell));
    writer.varint(sentAt - sentCell * 2 ** tile.level);
    writer.varint(zigzag(ticks));
    writer.varint(count);
  }
  return writer.bytes.slice(0, writer.pos);
}

function writeColumn(column: Float64Array | undefined): void {
  if (column === undefined || column.every((value) => value === 0)) {
    writer.byte(NONE);
  } else if (column.every((value) => Number.isInteger(value) && value >= 0 && value < FARTHEST)) {
    writer.byte(VARINTS);
    writer.varints(column, column.length);
  } else {
    writer.byte(FLOATS);
    for (const value of column) writer.float64(value);
  }
}

/**
 * The tile of that level and first cell.
 * @throws RetroError `data-damaged`, `bad-batch` where the bytes cannot be read
 */
export function decodeTile(bytes: Uint8Array, level: number, first: number): Tile {
  const reader = new ByteReader(bytes);
  if (reader.byte() !== VERSION) {
    throw new RetroError("data-damaged", "a timeline tile of another version");
  }
  const tile = emptyTile(level, first);
  for (let measure = 0; measure < MEASURES; measure += 1) {
    const coding = reader.byte();
    if (coding === NONE) continue;
    const column = new Float64Array(tile.cellCount);
    if (coding === VARINTS) column.set(reader.column(tile.cellCount));
    else for (let cell = 0; cell < column.length; cell += 1) column[cell] = reader.float64();
    tile.columns[measure] = column;
  }
  const senders: string[] = [];
  const senderCount = reader.varint();
  reader.need(senderCount);
  for (let i = 0; i < senderCount; i += 1) senders.push(reader.lengthAndText("a sender", MAX_NAME));
  const bundleCount = reader.varint();
  for (let i = 0; i < bundleCount; i += 1) readBundle(reader, tile, senders);
  return tile;
}

function readBundle(reader: ByteReader, tile: Tile, senders: readonly string[]): void {
  const from = senders[reader.varint()];
  if (from === undefined) throw new RetroError("data-damaged", "a bundle of nobody");
  const sentCell = tile.first + unzigzag(reader.varint());
  const sentAt = (sentCell * 2 ** tile.level + reader.varint()) as Hlc;
  const receivedAt = (sentAt + unzigzag(reader.varint())) as Hlc;
  const bundle: TileBundle = { from, sentCell, sentAt, receivedAt, count: reader.varint() };
  tile.bundles.set(`${sentCell}/${from}`, bundle);
}
