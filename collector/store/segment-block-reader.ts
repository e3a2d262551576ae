/** Decodes blocks, as drawn in segment-block.ts. Hot: bench `store-size`. */
import {
  type Batch,
  ByteReader,
  decodeBatch,
  readValue,
  StringTable,
  type Value,
  ValueTag,
} from "../../agent/kernel/index.ts";
import {
  BLOCK_VERSION,
  type BlockPlace,
  type BlockRows,
  DECIMAL_TAG,
  DOUBLE_TAG,
  LAST_CHANGE,
  MAX_SEGMENT_EVENTS,
} from "./segment-block.ts";
import { damagedBlock } from "./segment-damage.ts";
import { readFrames, readRunning, readSmallFrames } from "./segment-frame-reader.ts";
import { FRAME_PADDING } from "./segment-frames.ts";
import { type KeyListMemory, readVariables } from "./segment-keys.ts";
import { readNumbers } from "./segment-numbers.ts";
import { readPacked } from "./segment-text.ts";

/**
 * The rows of a log's block.
 * @throws RetroError `data-damaged`, `bad-batch`, `too-large`: not a block as we write them
 */
export function decodeLogBlock(
  bytes: Uint8Array,
  log: string,
  place: BlockPlace,
  memory?: KeyListMemory,
): BlockRows {
  const reader = new ByteReader(bytes);
  const count = readBlockCount(reader);
  const variables = readVariables(reader, log, memory);
  const offsets = readOffsets(reader, count);
  const t = readTimes(reader, count, place.firstT);
  const kind = new Uint8Array(count);
  const valueTag = new Uint8Array(count);
  const valueNumber = new Float64Array(count);
  const isMixed = readShapes(reader, kind, valueTag);
  const ref = new Uint32Array(count);
  if (isMixed) readMixed(reader, { kind, valueTag, ref, valueNumber }, variables.length);
  else readUniform(reader, { kind, valueTag, ref, valueNumber }, variables.length);
  const values = readTexts(reader);
  const bodies = readBodies(reader)?.events.bodies ?? [];
  if (reader.remaining !== FRAME_PADDING) damagedBlock("bytes after its end");
  checkIndexes(count, kind, ref, valueTag, valueNumber, values.length, bodies.length);
  return { count, offsets, t, kind, ref, valueTag, valueNumber, variables, values, bodies };
}

interface ChangeColumns {
  readonly kind: Uint8Array;
  readonly valueTag: Uint8Array;
  readonly ref: Uint32Array;
  readonly valueNumber: Float64Array;
}

/** All rows of one shape: the columns are read where they belong. */
export function readUniform(
  reader: ByteReader,
  columns: ChangeColumns,
  variableCount: number,
): void {
  const { kind, valueTag, ref, valueNumber } = columns;
  const tag = valueTag[0] as number;
  if ((kind[0] as number) <= LAST_CHANGE) readSmallFrames(reader, ref, variableCount);
  if (tag === ValueTag.number) readNumbers(reader, valueNumber, ref, variableCount, 0);
  const exponent = reader.byte();
  if (tag === DECIMAL_TAG) readNumbers(reader, valueNumber, ref, variableCount, exponent);
  if (tag === DOUBLE_TAG) for (let i = 0; i < ref.length; i += 1) valueNumber[i] = reader.float64();
  if (tag === DECIMAL_TAG || tag === DOUBLE_TAG) valueTag.fill(ValueTag.number);
  else if (tag >= ValueTag.other) readFrames(reader, valueNumber);
}

/** Several shapes: each kind of number is read apart and put where its rows are. */
export function readMixed(reader: ByteReader, columns: ChangeColumns, variableCount: number): void {
  const { kind, valueTag, ref, valueNumber } = columns;
  const count = kind.length;
  const counts = new Uint32Array(16);
  let changes = 0;
  for (let i = 0; i < count; i += 1) {
    if ((kind[i] as number) > LAST_CHANGE) continue;
    changes += 1;
    const tag = valueTag[i] as number;
    counts[tag] = (counts[tag] as number) + 1;
  }
  const variables = new Uint32Array(changes);
  readSmallFrames(reader, variables, variableCount);
  for (let i = 0, j = 0; i < count; i += 1) {
    if ((kind[i] as number) > LAST_CHANGE) continue;
    ref[i] = variables[j] as number;
    j += 1;
  }
  readClass(reader, columns, ValueTag.number, counts, variableCount, 0);
  const exponent = reader.byte();
  readClass(reader, columns, DECIMAL_TAG, counts, variableCount, exponent);
  for (let i = 0; i < count; i += 1) {
    if (valueTag[i] === DOUBLE_TAG) valueNumber[i] = reader.float64();
  }
  const others = new Float64Array(
    (counts[ValueTag.other] as number) + (counts[ValueTag.cutShort] as number),
  );
  readFrames(reader, others);
  for (let i = 0, j = 0; i < count; i += 1) {
    const tag = valueTag[i] as number;
    if (tag === DECIMAL_TAG || tag === DOUBLE_TAG) {
      valueTag[i] = ValueTag.number;
    } else if (tag >= ValueTag.other) {
      valueNumber[i] = others[j] as number;
      j += 1;
    }
  }
}

function readClass(
  reader: ByteReader,
  { valueTag, ref, valueNumber }: ChangeColumns,
  tag: number,
  counts: Uint32Array,
  variableCount: number,
  exponent: number,
): void {
  const ofClass = counts[tag] as number;
  if (ofClass === 0) return;
  const whose = new Uint32Array(ofClass);
  const at = new Uint32Array(ofClass);
  for (let i = 0, j = 0; j < ofClass; i += 1) {
    if (valueTag[i] !== tag) continue;
    whose[j] = ref[i] as number;
    at[j] = i;
    j += 1;
  }
  const numbers = new Float64Array(ofClass);
  readNumbers(reader, numbers, whose, variableCount, exponent);
  for (let j = 0; j < ofClass; j += 1) valueNumber[at[j] as number] = numbers[j] as number;
}

/**
 * The rows of a block of messages or of the rest. Throws as `decodeLogBlock`.
 */
export function decodeBodyBlock(bytes: Uint8Array): BlockRows {
  const reader = new ByteReader(bytes);
  const count = readBlockCount(reader);
  const offsets = readOffsets(reader, count);
  const batch = readBodies(reader);
  if (batch?.events.count !== count) return damagedBlock("another number of events");
  if (reader.remaining !== FRAME_PADDING) damagedBlock("bytes after its end");
  return { ...batch.events, offsets };
}

export function readBlockCount(reader: ByteReader): number {
  if (reader.byte() !== BLOCK_VERSION) damagedBlock("another version");
  const count = reader.varint();
  if (count < 1 || count > MAX_SEGMENT_EVENTS) damagedBlock("an impossible number of events");
  return count;
}

function readOffsets(reader: ByteReader, count: number): Uint32Array {
  const offsets = new Uint32Array(count);
  readSmallFrames(reader, offsets, MAX_SEGMENT_EVENTS);
  let before = -1;
  for (let i = 0; i < count; i += 1) {
    before += 1 + (offsets[i] as number);
    offsets[i] = before;
  }
  if (before >= MAX_SEGMENT_EVENTS) damagedBlock("an event behind its segment");
  return offsets;
}

export function readTimes(reader: ByteReader, count: number, firstT: number): Float64Array {
  const t = new Float64Array(count);
  readRunning(reader, t, count, firstT);
  return t;
}

/** Whether there are several shapes. Fills kinds, and tags as they stand on the disk. */
export function readShapes(reader: ByteReader, kind: Uint8Array, valueTag: Uint8Array): boolean {
  const known = new Uint8Array(reader.byte());
  for (let i = 0; i < known.length; i += 1) known[i] = reader.byte();
  if (known.length === 0) damagedBlock("events without a kind");
  if (known.length === 1) {
    kind.fill((known[0] as number) & 15);
    valueTag.fill((known[0] as number) >> 4);
    return false;
  }
  readSmallFrames(reader, kind, known.length);
  for (let i = 0; i < kind.length; i += 1) {
    const shape = known[kind[i] as number] as number;
    kind[i] = shape & 15;
    valueTag[i] = shape >> 4;
  }
  return true;
}

export function readTexts(reader: ByteReader): Value[] {
  const count = reader.varint();
  if (count === 0) return [];
  const content = new ByteReader(readPacked(reader));
  const table = StringTable.read(content);
  content.need(count);
  const values: Value[] = [];
  for (let i = 0; i < count; i += 1) values.push(readValue(content, table));
  if (content.remaining > 0) damagedBlock("values that are left over");
  return values;
}

export function readBodies(reader: ByteReader): Batch | undefined {
  const count = reader.varint(); // bodies that are alike take less than a byte each once deflated
  if (count === 0) return undefined;
  const batch = decodeBatch(readPacked(reader));
  return batch.events.count === count ? batch : damagedBlock("another number of bodies");
}

/** Refs of bodies are filled in; indexes into values and bodies are checked. */
export function checkIndexes(
  count: number,
  kind: Uint8Array,
  ref: Uint32Array,
  valueTag: Uint8Array,
  valueNumber: Float64Array,
  valueCount: number,
  bodyCount: number,
): void {
  let bodies = 0;
  for (let i = 0; i < count; i += 1) {
    if ((kind[i] as number) > LAST_CHANGE) {
      ref[i] = bodies;
      bodies += 1;
    } else if ((valueTag[i] as number) >= ValueTag.other) {
      if (!((valueNumber[i] as number) < valueCount)) damagedBlock("a value that is not there");
    }
  }
  if (bodies !== bodyCount) damagedBlock("another number of bodies");
}
