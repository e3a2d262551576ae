/**
 * The columns that every event has, and those of changes. Hot: bench `wire`.
 *
 *     variables   see wire-variables.ts
 *     kinds       a byte per event: KindCode in bits 0-3, wire tag in bits 4-6
 *     times       count - 1 varints: t minus the t before (the first is in the header)
 *     refs        a varint per change: 0 = the next variable, n = variable n - 1
 *     values      see wire-change-values.ts
 *
 * Wire tags are ValueTags, and one more: a number (4) that is an integer of less than 2^51 has 7.
 */
import { type EventColumns, ValueTag } from "./batch.ts";
import type { ByteReader } from "./byte-reader.ts";
import { type ByteWriter, putVarint, VARINT_BYTES } from "./byte-writer.ts";
import {
  doubleAt,
  integerAt,
  type KindCounts,
  otherAt,
  readChangeValues,
  writeChangeValues,
} from "./wire-change-values.ts";
import { badBatch } from "./wire-limits.ts";
import type { StringTable, StringTableWriter } from "./wire-strings.ts";
import { isWireInteger } from "./wire-values.ts";
import { LAST_CHANGE_CODE, readVariables, writeVariables } from "./wire-variables.ts";

const INTEGER_TAG = 7;
const KIND_COUNT = 11;

/** Which kind bytes exist: a delete has no value, other changes have one, all else has none. */
const KNOWN_KIND: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) => {
  const code = byte & 15;
  const tag = byte >> 4;
  if (byte > 127 || code >= KIND_COUNT) return 0;
  const hasValue = code <= LAST_CHANGE_CODE && code !== 1;
  return hasValue === (tag !== ValueTag.none) ? 1 : 0;
});

/** @throws RetroError `bad-batch`: t falls, unknown kinds, refs beyond their tables */
export function writeColumns(
  out: ByteWriter,
  strings: StringTableWriter,
  events: EventColumns,
): void {
  const wireRefs = writeVariables(out, strings, events);
  const counts = writeKinds(out, events);
  writeTimes(out, events);
  writeRefs(out, events, wireRefs);
  writeChangeValues(out, strings, events, wireRefs, counts);
}

function writeKinds(out: ByteWriter, events: EventColumns): KindCounts {
  const { count, kind, valueTag, valueNumber } = events;
  const counts: KindCounts = { integers: 0, doubles: 0, others: 0, bodies: 0 };
  out.reserve(count);
  const bytes = out.bytes;
  const start = out.pos;
  for (let i = 0; i < count; i += 1) {
    const code = kind[i] as number;
    if (code > LAST_CHANGE_CODE) {
      if (code >= KIND_COUNT) badBatch(`an event of unknown kind ${code}`);
      bytes[start + i] = code;
      counts.bodies += 1;
      continue;
    }
    let tag = valueTag[i] as number;
    if (tag === ValueTag.number) {
      const value = valueNumber[i] as number;
      if (isWireInteger(value)) {
        tag = INTEGER_TAG;
        integerAt[counts.integers] = i;
        counts.integers += 1;
      } else {
        if (!Number.isFinite(value)) badBatch(`the number ${value}`);
        doubleAt[counts.doubles] = i;
        counts.doubles += 1;
      }
    } else if (tag >= ValueTag.other) {
      if (tag > ValueTag.cutShort) badBatch(`a value with the unknown tag ${tag}`);
      otherAt[counts.others] = i;
      counts.others += 1;
    }
    const byte = code | (tag << 4);
    if (KNOWN_KIND[byte] === 0) badBatch("a change without its value");
    bytes[start + i] = byte;
  }
  out.pos = start + count;
  return counts;
}

function writeTimes(out: ByteWriter, { count, t }: EventColumns): void {
  out.reserve(count * VARINT_BYTES);
  const bytes = out.bytes;
  let pos = out.pos;
  let before = t[0] as number;
  for (let i = 1; i < count; i += 1) {
    const now = t[i] as number;
    const step = now - before;
    if (!(step >= 0 && Number.isSafeInteger(step))) badBatch("t falls, or leaps 69 years");
    before = now;
    pos = putVarint(bytes, pos, step);
  }
  out.pos = pos;
}

function writeRefs(
  out: ByteWriter,
  { count, kind, ref }: EventColumns,
  wireRefs: Int32Array,
): void {
  out.reserve(count * VARINT_BYTES);
  const bytes = out.bytes;
  let pos = out.pos;
  let next = 0;
  for (let i = 0; i < count; i += 1) {
    if ((kind[i] as number) > LAST_CHANGE_CODE) continue;
    const wireRef = wireRefs[ref[i] as number] as number;
    if (wireRef === next) {
      bytes[pos] = 0;
      pos += 1;
      next += 1;
    } else {
      pos = putVarint(bytes, pos, wireRef + 1);
    }
  }
  out.pos = pos;
}

/** Columns with room for `count` events, their variables, and what the kinds announced. */
export interface ReadColumns extends EventColumns {
  readonly bodies: EventColumns["bodies"][number][];
}

/** Everything but the bodies, which the caller fills in: `bodies` has their number. */
export function readColumns(
  reader: ByteReader,
  strings: StringTable,
  count: number,
  firstT: number,
  lastT: number,
): ReadColumns {
  const variables = readVariables(reader, strings, count);
  reader.need(count);
  const t = new Float64Array(count);
  const kind = new Uint8Array(count);
  const ref = new Uint32Array(count);
  const valueTag = new Uint8Array(count);
  const valueNumber = new Float64Array(count);
  const counts = readKinds(reader, kind, valueTag, ref);
  readTimes(reader, t, firstT, lastT);
  readRefs(reader, kind, ref, variables.length);
  const columns = { kind, ref, valueTag, valueNumber };
  const values = readChangeValues(reader, strings, columns, variables.length, counts);
  const bodies = new Array<ReadColumns["bodies"][number]>(counts.bodies);
  return { count, t, kind, ref, valueTag, valueNumber, variables, values, bodies };
}

function readKinds(
  reader: ByteReader,
  kind: Uint8Array,
  valueTag: Uint8Array,
  ref: Uint32Array,
): KindCounts {
  const { bytes, pos: start } = reader;
  const count = kind.length;
  let integers = 0;
  let doubles = 0;
  let others = 0;
  let bodies = 0;
  for (let i = 0; i < count; i += 1) {
    const byte = bytes[start + i] as number;
    if (KNOWN_KIND[byte] === 0) badBatch("an event of unknown kind, or without its value");
    const code = byte & 15;
    kind[i] = code;
    if (code > LAST_CHANGE_CODE) {
      ref[i] = bodies;
      bodies += 1;
      continue;
    }
    const tag = byte >> 4;
    if (tag === INTEGER_TAG) {
      valueTag[i] = ValueTag.number;
      integerAt[integers] = i;
      integers += 1;
      continue;
    }
    valueTag[i] = tag;
    if (tag === ValueTag.number) {
      doubleAt[doubles] = i;
      doubles += 1;
    } else if (tag >= ValueTag.other) {
      otherAt[others] = i;
      others += 1;
    }
  }
  reader.pos = start + count;
  return { integers, doubles, others, bodies };
}

function readTimes(reader: ByteReader, t: Float64Array, firstT: number, lastT: number): void {
  const count = t.length;
  if (count === 0) return;
  reader.varints(t, 1);
  let now = firstT;
  t[0] = now;
  for (let i = 1; i < count; i += 1) {
    now += t[i] as number;
    t[i] = now;
  }
  // Steps are never negative, so a sum that left the safe integers cannot come back to lastT.
  if (now !== lastT) badBatch("times that do not end at lastT");
}

function readRefs(
  reader: ByteReader,
  kind: Uint8Array,
  ref: Uint32Array,
  variableCount: number,
): void {
  const { bytes, end } = reader;
  const count = kind.length;
  let pos = reader.pos;
  let next = 0;
  for (let i = 0; i < count; i += 1) {
    if ((kind[i] as number) > LAST_CHANGE_CODE) continue;
    let code: number;
    if (pos < end && (bytes[pos] as number) < 0x80) {
      code = bytes[pos] as number;
      pos += 1;
    } else {
      reader.pos = pos;
      code = reader.varint();
      pos = reader.pos;
    }
    if (code === 0) {
      ref[i] = next;
      next += 1;
    } else {
      if (code > next) badBatch("a variable used before its turn");
      ref[i] = code - 1;
    }
  }
  if (next !== variableCount) badBatch("variables that are not used, or not listed");
  reader.pos = pos;
}
