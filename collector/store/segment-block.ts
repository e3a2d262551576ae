/**
 * A block: the events of one log in one segment, or its messages, or the rest, in columns. Version 1.
 * Hot: bench `store-size`. Numbers are packed (segment-frames.ts), so that scanning a log inflates nothing.
 *
 *     of a log    version 1 | count
 *                 keys           hashes of the list 4 + 4 | sorted keys            segment-text.ts
 *                 offsets        seq - firstSeq of the segment: steps, less 1      frames
 *                 t              steps, the first from the segment's firstT        frames
 *                 shapes         how many 1 | each 1: kind + 16 * tag | which      frames, if many
 *                 variables      index of the key, of changes                      frames
 *                 wholes         | decimals: exponent 1 | doubles                  segment-numbers.ts
 *                 values         index, of values that are no numbers              frames
 *                 texts          packed: string table | values as on the wire      segment-text.ts
 *                 keyframes      packed: a batch of them as on the wire
 *                 padding 4
 *
 *     of others   version 1 | count | offsets | packed: a batch of them as on the wire | padding 4
 *
 * Tags are ValueTags; a number (4) is a whole, 7 a decimal and 8 a double. Whatever is not a column of
 * numbers goes through the wire's codec, which gives back exactly what agents sent.
 */
import {
  type Batch,
  BatchBuilder,
  ByteReader,
  ByteWriter,
  decodeBatch,
  type EventBody,
  encodeBatch,
  type Hlc,
  readCount,
  readValue,
  StringTable,
  StringTableWriter,
  type Value,
  ValueTag,
  type VariableRef,
  writeValue,
} from "../../agent/kernel/index.ts";
import { damagedBlock } from "./segment-damage.ts";
import { FRAME_PADDING, readFrames, readSmallFrames, writeFrames } from "./segment-frames.ts";
import type { KeyListMemory } from "./segment-keys.ts";
import { readVariables, writeVariables } from "./segment-keys.ts";
import {
  classOf,
  exponentOf,
  NumberClass,
  readNumbers,
  wholeOf,
  writeNumbers,
} from "./segment-numbers.ts";
import { readPacked, writePacked } from "./segment-text.ts";

const BLOCK_VERSION = 1;
/** Events in a segment, at most: what a block may say of its offsets. */
export const MAX_SEGMENT_EVENTS = 131_072;
const LAST_CHANGE = 3;
const DECIMAL_TAG = 7;
const DOUBLE_TAG = 8;
const CLASS_TAGS = [ValueTag.number, DECIMAL_TAG, DOUBLE_TAG] as const;

/** The rows of a block, in seq order. */
export interface BlockRows {
  readonly count: number;
  /** seq - firstSeq of the segment, rising. */
  readonly offsets: Uint32Array;
  readonly t: Float64Array;
  readonly kind: Uint8Array;
  readonly ref: Uint32Array;
  readonly valueTag: Uint8Array;
  readonly valueNumber: Float64Array;
  readonly variables: readonly VariableRef[];
  readonly values: readonly Value[];
  readonly bodies: readonly EventBody[];
}

/** What a block is part of. */
export interface BlockPlace {
  readonly firstT: Hlc;
  readonly lastSeq: number;
}

// Scratch, used within one call and never across.
const out = new ByteWriter();
const inner = new ByteWriter();
const texts = new ByteWriter();
const strings = new StringTableWriter();

/**
 * The bytes of a log's block. `rows.ref` of changes points into `rows.variables`, which are all of that log.
 * @throws RetroError `too-large` if texts or keyframes exceed what one batch may hold
 */
export function encodeLogBlock(rows: BlockRows, place: BlockPlace): Uint8Array {
  const { count, kind, ref } = rows;
  const changes = indexesWhere(count, (i) => (kind[i] as number) <= LAST_CHANGE);
  begin(count);
  const sorted = writeVariables(out, rows.variables);
  writeOffsets(rows.offsets, count);
  writeTimes(rows.t, count, place.firstT);
  const exponent = commonExponent(rows);
  const shapes = shapesOf(rows, exponent, exponent > 0 && areMostlyDecimals(rows));
  writeShapes(shapes);
  const variables = new Uint32Array(changes.length);
  for (let j = 0; j < changes.length; j += 1) {
    variables[j] = sorted[ref[changes[j] as number] as number] as number;
  }
  writeFrames(out, variables, variables.length);
  writeAllNumbers(rows, changes, variables, shapes, exponent);
  const others = changes.filter((i) => (rows.valueTag[i] as number) >= ValueTag.other);
  writeFrames(
    out,
    Float64Array.from(others, (i) => rows.valueNumber[i] as number),
    others.length,
  );
  writeTexts(rows.values);
  writeBodies(rows, place);
  return finish();
}

/** The bytes of a block without changes: messages, or the rest. Throws as `encodeLogBlock`. */
export function encodeBodyBlock(rows: BlockRows, place: BlockPlace): Uint8Array {
  begin(rows.count);
  writeOffsets(rows.offsets, rows.count);
  writeBodies(rows, place);
  return finish();
}

function begin(count: number): void {
  out.clear();
  out.byte(BLOCK_VERSION);
  out.varint(count);
}

function finish(): Uint8Array {
  for (let i = 0; i < FRAME_PADDING; i += 1) out.byte(0);
  return out.bytes.slice(0, out.pos);
}

function indexesWhere(count: number, holds: (i: number) => boolean): number[] {
  const found: number[] = [];
  for (let i = 0; i < count; i += 1) if (holds(i)) found.push(i);
  return found;
}

function writeOffsets(offsets: Uint32Array, count: number): void {
  const steps = new Float64Array(count);
  let before = -1;
  for (let i = 0; i < count; i += 1) {
    steps[i] = (offsets[i] as number) - before - 1;
    before = offsets[i] as number;
  }
  writeFrames(out, steps, count);
}

function writeTimes(t: Float64Array, count: number, firstT: number): void {
  const steps = new Float64Array(count);
  let before = firstT;
  for (let i = 0; i < count; i += 1) {
    steps[i] = (t[i] as number) - before;
    before = t[i] as number;
  }
  writeFrames(out, steps, count);
}

function commonExponent({ count, valueTag, valueNumber }: BlockRows): number {
  let exponent = 0;
  for (let i = 0; i < count; i += 1) {
    if (valueTag[i] !== ValueTag.number) continue;
    const number = valueNumber[i] as number;
    if (classOf(number, exponent, false) === NumberClass.double) {
      exponent = Math.max(exponent, exponentOf(number));
    }
  }
  return exponent;
}

function areMostlyDecimals({ count, valueTag, valueNumber }: BlockRows): boolean {
  let wholes = 0;
  let numbers = 0;
  for (let i = 0; i < count; i += 1) {
    if (valueTag[i] !== ValueTag.number) continue;
    numbers += 1;
    if (Number.isInteger(valueNumber[i])) wholes += 1;
  }
  return wholes * 2 < numbers;
}

function shapesOf(
  { count, kind, valueTag, valueNumber }: BlockRows,
  exponent: number,
  joined: boolean,
): Uint8Array {
  const shapes = new Uint8Array(count);
  for (let i = 0; i < count; i += 1) {
    const tag = valueTag[i] as number;
    const onDisk =
      tag === ValueTag.number
        ? (CLASS_TAGS[classOf(valueNumber[i] as number, exponent, joined)] as number)
        : tag;
    shapes[i] = (kind[i] as number) + 16 * onDisk;
  }
  return shapes;
}

function writeShapes(shapes: Uint8Array): void {
  const places = new Uint8Array(256);
  const known: number[] = [];
  const indexes = new Uint8Array(shapes.length);
  for (let i = 0; i < shapes.length; i += 1) {
    const shape = shapes[i] as number;
    if (places[shape] === 0) places[shape] = known.push(shape);
    indexes[i] = (places[shape] as number) - 1;
  }
  out.byte(known.length);
  for (const shape of known) out.byte(shape);
  if (known.length > 1) writeFrames(out, indexes, indexes.length);
}

function writeAllNumbers(
  rows: BlockRows,
  changes: readonly number[],
  variables: Uint32Array,
  shapes: Uint8Array,
  exponent: number,
): void {
  const places = CLASS_TAGS.map((tag) =>
    indexesWhere(changes.length, (j) => (shapes[changes[j] as number] as number) >> 4 === tag),
  );
  const numberAt = (j: number): number => rows.valueNumber[changes[j] as number] as number;
  for (const ofClass of [NumberClass.whole, NumberClass.decimal]) {
    const at = places[ofClass] as number[];
    if (ofClass === NumberClass.decimal) out.byte(exponent);
    if (at.length === 0) continue;
    const wholes = Float64Array.from(at, (j) =>
      ofClass === NumberClass.whole ? numberAt(j) : wholeOf(numberAt(j), exponent),
    );
    const whose = Uint32Array.from(at, (j) => variables[j] as number);
    writeNumbers(out, wholes, whose, rows.variables.length);
  }
  for (const j of places[NumberClass.double] as number[]) out.float64(numberAt(j));
}

function writeTexts(values: readonly Value[]): void {
  out.varint(values.length);
  if (values.length === 0) return;
  try {
    for (const value of values) writeValue(inner, strings, value);
    const table = new ByteWriter();
    strings.writeTo(table, texts);
    table.raw(inner.bytes.subarray(0, inner.pos));
    writePacked(out, table.bytes.subarray(0, table.pos));
  } finally {
    inner.clear();
    texts.clear();
    strings.clear();
  }
}

function writeBodies({ bodies, kind, t, count }: BlockRows, { lastSeq }: BlockPlace): void {
  out.varint(bodies.length);
  if (bodies.length === 0) return;
  const builder = new BatchBuilder();
  let next = 0;
  for (let i = 0; i < count; i += 1) {
    if ((kind[i] as number) <= LAST_CHANGE) continue;
    builder.body(t[i] as Hlc, bodies[next] as EventBody);
    next += 1;
  }
  writePacked(out, encodeBatch(builder.build(fieldsAfter(lastSeq, builder.lastT as Hlc))));
}

/** Seqs behind the segment: whatever a send of it replaces lies before them. */
function fieldsAfter(
  lastSeq: number,
  closed: Hlc,
): { node: string; service: string; epoch: number; firstSeq: number; closed: Hlc } {
  return { node: "-", service: "", epoch: 0, firstSeq: lastSeq + 1, closed };
}

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
function readUniform(reader: ByteReader, columns: ChangeColumns, variableCount: number): void {
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
function readMixed(reader: ByteReader, columns: ChangeColumns, variableCount: number): void {
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

function readBlockCount(reader: ByteReader): number {
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

function readTimes(reader: ByteReader, count: number, firstT: number): Float64Array {
  const t = new Float64Array(count);
  readFrames(reader, t);
  let now = firstT;
  for (let i = 0; i < count; i += 1) {
    now += t[i] as number;
    t[i] = now;
  }
  return t;
}

/** Whether there are several shapes. Fills kinds, and tags as they stand on the disk. */
function readShapes(reader: ByteReader, kind: Uint8Array, valueTag: Uint8Array): boolean {
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

function readTexts(reader: ByteReader): Value[] {
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

function readBodies(reader: ByteReader): Batch | undefined {
  const count = readCount(reader);
  if (count === 0) return undefined;
  const batch = decodeBatch(readPacked(reader));
  return batch.events.count === count ? batch : damagedBlock("another number of bodies");
}

/** Refs of bodies are filled in; indexes into values and bodies are checked. */
function checkIndexes(
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
