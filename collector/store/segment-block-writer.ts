/**
 * Encodes blocks, as drawn in segment-block.ts, column by column: whoever seals behind ingest may pause
 * between two, as the block of a log with many variables has some 30,000 rows. Hot: bench `store-size`.
 */
import {
  BatchBuilder,
  ByteWriter,
  type EventBody,
  encodeBatch,
  type Hlc,
  StringTableWriter,
  type Value,
  ValueTag,
  writeValue,
} from "../../agent/kernel/index.ts";
import {
  BLOCK_VERSION,
  type BlockPlace,
  type BlockRows,
  DECIMAL_TAG,
  DOUBLE_TAG,
  LAST_CHANGE,
} from "./segment-block.ts";
import { FRAME_PADDING, writeFrames } from "./segment-frames.ts";
import { variableSteps } from "./segment-keys.ts";
import { classOf, exponentOf, NumberClass, wholeOf, writeNumbers } from "./segment-numbers.ts";
import { packedSteps, type Steps } from "./segment-text.ts";

const CLASS_TAGS = [ValueTag.number, DECIMAL_TAG, DOUBLE_TAG] as const;

// Scratch, used within one step and never across: between two steps others may encode, too.
const inner = new ByteWriter();
const texts = new ByteWriter();
const strings = new StringTableWriter();

/**
 * The bytes of a log's block; pauses between columns. `rows.ref` of changes points into `rows.variables`,
 * which are all of that log.
 * @throws RetroError `too-large` if texts or keyframes exceed what one batch may hold
 */
export function* logBlockSteps(rows: BlockRows, place: BlockPlace): Steps<Uint8Array> {
  const { count, kind, ref } = rows;
  const changes = indexesWhere(count, (i) => (kind[i] as number) <= LAST_CHANGE);
  const out = begin(count);
  const sorted = yield* variableSteps(out, rows.variables);
  yield;
  writeOffsets(out, rows.offsets, count);
  writeTimes(out, rows.t, count, place.firstT);
  yield;
  const exponent = commonExponent(rows);
  const shapes = shapesOf(rows, exponent, exponent > 0 && areMostlyDecimals(rows));
  writeShapes(out, shapes);
  yield;
  const variables = new Uint32Array(changes.length);
  for (let j = 0; j < changes.length; j += 1) {
    variables[j] = sorted[ref[changes[j] as number] as number] as number;
  }
  writeFrames(out, variables, variables.length);
  yield;
  writeAllNumbers(out, rows, changes, variables, shapes, exponent);
  yield;
  const others = changes.filter((i) => (rows.valueTag[i] as number) >= ValueTag.other);
  writeFrames(
    out,
    Float64Array.from(others, (i) => rows.valueNumber[i] as number),
    others.length,
  );
  yield* textSteps(out, rows.values);
  yield;
  yield* bodySteps(out, rows, place);
  return finish(out);
}

/** The bytes of a block without changes: messages, or the rest. Pauses and throws as `logBlockSteps`. */
export function* bodyBlockSteps(rows: BlockRows, place: BlockPlace): Steps<Uint8Array> {
  const out = begin(rows.count);
  writeOffsets(out, rows.offsets, rows.count);
  yield;
  yield* bodySteps(out, rows, place);
  return finish(out);
}

function begin(count: number): ByteWriter {
  const out = new ByteWriter();
  out.byte(BLOCK_VERSION);
  out.varint(count);
  return out;
}

function finish(out: ByteWriter): Uint8Array {
  for (let i = 0; i < FRAME_PADDING; i += 1) out.byte(0);
  return out.bytes.slice(0, out.pos);
}

function indexesWhere(count: number, holds: (i: number) => boolean): number[] {
  const found: number[] = [];
  for (let i = 0; i < count; i += 1) if (holds(i)) found.push(i);
  return found;
}

function writeOffsets(out: ByteWriter, offsets: Uint32Array, count: number): void {
  const steps = new Float64Array(count);
  let before = -1;
  for (let i = 0; i < count; i += 1) {
    steps[i] = (offsets[i] as number) - before - 1;
    before = offsets[i] as number;
  }
  writeFrames(out, steps, count);
}

function writeTimes(out: ByteWriter, t: Float64Array, count: number, firstT: number): void {
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

function writeShapes(out: ByteWriter, shapes: Uint8Array): void {
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
  out: ByteWriter,
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

function* textSteps(out: ByteWriter, values: readonly Value[]): Steps<void> {
  out.varint(values.length);
  if (values.length === 0) return;
  const table = new ByteWriter();
  try {
    for (const value of values) writeValue(inner, strings, value);
    strings.writeTo(table, texts);
    table.raw(inner.bytes.subarray(0, inner.pos));
  } finally {
    inner.clear();
    texts.clear();
    strings.clear();
  }
  yield* packedSteps(out, table.bytes.subarray(0, table.pos));
}

function* bodySteps(
  out: ByteWriter,
  { bodies, kind, t, count }: BlockRows,
  { lastSeq }: BlockPlace,
): Steps<void> {
  out.varint(bodies.length);
  if (bodies.length === 0) return;
  const builder = new BatchBuilder();
  let next = 0;
  for (let i = 0; i < count; i += 1) {
    if ((kind[i] as number) <= LAST_CHANGE) continue;
    builder.body(t[i] as Hlc, bodies[next] as EventBody);
    next += 1;
  }
  const bytes = encodeBatch(builder.build(fieldsAfter(lastSeq, builder.lastT as Hlc)));
  yield* packedSteps(out, bytes);
}

/** Seqs behind the segment: whatever a send of it replaces lies before them. */
function fieldsAfter(
  lastSeq: number,
  closed: Hlc,
): { node: string; service: string; epoch: number; firstSeq: number; closed: Hlc } {
  return { node: "-", service: "", epoch: 0, firstSeq: lastSeq + 1, closed };
}
