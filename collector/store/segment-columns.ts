/**
 * The values of a log's block, for who goes through them in order of time and asks for no seqs. Hot:
 * bench `walk`. As `decodeLogBlock`, with three short cuts: seqs are passed over, a block in which nothing
 * is wanted is not decoded past its list of keys, and one that sets nothing but numbers goes straight into
 * columns that are used again.
 */
import {
  ByteReader,
  type EventColumns,
  type Hlc,
  KindCode,
  ValueTag,
  type VariableRef,
} from "../../agent/kernel/index.ts";
import { DECIMAL_TAG, DOUBLE_TAG, LAST_CHANGE } from "./segment-block.ts";
import {
  checkIndexes,
  readBlockCount,
  readBodies,
  readMixed,
  readShapes,
  readTexts,
  readTimes,
  readUniform,
} from "./segment-block-reader.ts";
import { damagedBlock } from "./segment-damage.ts";
import { readRunning, readSmallFrames, skipFrames, skipZeros } from "./segment-frame-reader.ts";
import { FRAME_PADDING } from "./segment-frames.ts";
import { type KeyListMemory, readVariables } from "./segment-keys.ts";
import { readNumbers } from "./segment-numbers.ts";

export type { KeyListMemory } from "./segment-keys.ts";

/** Every row sets a variable to a number; the rows are in the first `count` places of the buffers. */
export interface BlockNumbers {
  readonly areNumbers: true;
  readonly count: number;
  /** `ref` points into it, unless there is only one. */
  readonly variables: readonly VariableRef[];
}

/** Anything else. */
export interface BlockEvents {
  readonly areNumbers: false;
  readonly events: EventColumns;
}

/** Columns that block after block is read into. */
export class ColumnBuffers {
  t: Float64Array = new Float64Array(0);
  number: Float64Array = new Float64Array(0);
  ref: Uint32Array = new Uint32Array(0);
  /** For the reader's own use. */
  column: Uint16Array = new Uint16Array(0);

  /** Room for so many rows; what is in it is lost. */
  reserve(count: number, areSeveral: boolean): void {
    if (this.t.length < count) {
      this.t = new Float64Array(count);
      this.number = new Float64Array(count);
    }
    if (!areSeveral || this.ref.length >= count) return;
    this.ref = new Uint32Array(count);
    this.column = new Uint16Array(count);
  }
}

/** What the header of the segment says of the block. */
export interface BlockAnnounced {
  /** Of the segment. */
  readonly firstT: Hlc;
  readonly count: number;
  readonly lastT: Hlc;
}

/**
 * The columns of a log's block. Undefined: it changes none of the variables that are wanted. (A keyframe
 * may change any, so a block with one is always decoded.)
 * @throws RetroError as `decodeLogBlock`
 */
export function readBlockColumns(
  bytes: Uint8Array,
  log: string,
  announced: BlockAnnounced,
  isWanted: (variables: readonly VariableRef[]) => boolean,
  buffers: ColumnBuffers,
  memory?: KeyListMemory,
): BlockNumbers | BlockEvents | undefined {
  const reader = new ByteReader(bytes);
  const count = readBlockCount(reader);
  if (count !== announced.count) damagedBlock("another number of events");
  const variables = readVariables(reader, log, memory);
  skipFrames(reader, count);
  const shapes = shapesAhead(reader, count);
  if (!isWanted(variables) && !shapes.some(isNoChange)) return undefined;
  const [shape, another] = shapes;
  const read =
    shape !== undefined && another === undefined && setsNumbers(shape)
      ? readOnlyNumbers(reader, shape >> 4, announced, variables, buffers)
      : readEvents(reader, announced, variables);
  if (reader.remaining !== FRAME_PADDING) damagedBlock("bytes after its end");
  return read;
}

/**
 * Whether a log's block may change a variable that is wanted: what `readBlockColumns` asks first. Decodes its
 * list of keys, and no event.
 * @throws RetroError as `decodeLogBlock`
 */
export function mayChange(
  bytes: Uint8Array,
  log: string,
  isWanted: (variables: readonly VariableRef[]) => boolean,
  memory?: KeyListMemory,
): boolean {
  const reader = new ByteReader(bytes);
  const count = readBlockCount(reader);
  if (isWanted(readVariables(reader, log, memory))) return true;
  skipFrames(reader, count);
  return shapesAhead(reader, count).some(isNoChange);
}

function isNoChange(shape: number): boolean {
  return (shape & 15) > LAST_CHANGE;
}

/** Which shapes there are: they stand behind the times. The reader stays where it is. */
function shapesAhead(reader: ByteReader, count: number): Uint8Array {
  const start = reader.pos;
  skipFrames(reader, count);
  const shapes = new Uint8Array(reader.byte());
  for (let i = 0; i < shapes.length; i += 1) shapes[i] = reader.byte();
  reader.pos = start;
  return shapes;
}

function setsNumbers(shape: number): boolean {
  const tag = shape >> 4;
  const isNumber = tag === ValueTag.number || tag === DECIMAL_TAG || tag === DOUBLE_TAG;
  return (shape & 15) === KindCode.set && isNumber;
}

function readOnlyNumbers(
  reader: ByteReader,
  tag: number,
  { count, firstT, lastT }: BlockAnnounced,
  variables: readonly VariableRef[],
  buffers: ColumnBuffers,
): BlockNumbers {
  const areSeveral = variables.length !== 1;
  buffers.reserve(count, areSeveral);
  readRunning(reader, buffers.t, count, firstT);
  if (buffers.t[count - 1] !== lastT) damagedBlock("another end");
  // The one shape, which is known.
  reader.byte();
  reader.byte();
  const ref = buffers.ref.subarray(0, count);
  if (areSeveral) readSmallFrames(reader, ref, variables.length);
  else skipZeros(reader, count);
  const number = buffers.number.subarray(0, count);
  if (tag === ValueTag.number) readNumbers(reader, number, ref, variables.length, 0);
  const exponent = reader.byte();
  if (tag === DECIMAL_TAG) readNumbers(reader, number, ref, variables.length, exponent);
  if (tag === DOUBLE_TAG) for (let i = 0; i < count; i += 1) number[i] = reader.float64();
  if (reader.varint() !== 0 || reader.varint() !== 0) damagedBlock("texts or bodies of nobody");
  return { areNumbers: true, count, variables };
}

function readEvents(
  reader: ByteReader,
  { count, firstT, lastT }: BlockAnnounced,
  variables: readonly VariableRef[],
): BlockEvents {
  const t = readTimes(reader, count, firstT);
  if (t[count - 1] !== lastT) damagedBlock("another end");
  const kind = new Uint8Array(count);
  const valueTag = new Uint8Array(count);
  const valueNumber = new Float64Array(count);
  const ref = new Uint32Array(count);
  const columns = { kind, valueTag, ref, valueNumber };
  const isMixed = readShapes(reader, kind, valueTag);
  if (isMixed) readMixed(reader, columns, variables.length);
  else readUniform(reader, columns, variables.length);
  const values = readTexts(reader);
  const bodies = readBodies(reader)?.events.bodies ?? [];
  checkIndexes(count, kind, ref, valueTag, valueNumber, values.length, bodies.length);
  const events = { count, t, kind, ref, valueTag, valueNumber, variables, values, bodies };
  return { areNumbers: false, events };
}
