/**
 * The values of changes on the wire. Which change has which sort is said by the kinds
 * (wire-columns.ts), so each sort is a dense column of its own. Hot: bench `wire`.
 *
 *     values      count, then each (wire-values.ts)                in order of first use
 *     others      a varint per change with such a value: 0 = the next value, n = value n - 1
 *     integers    a zigzag varint each: n minus the last integer of the same variable in this batch
 *     doubles     8 bytes each
 *
 * A counter's step, a state's next number: the difference is one byte where the number is four.
 */
import { type EventColumns, ValueTag } from "./batch.ts";
import { type ByteReader, unzigzag } from "./byte-reader.ts";
import { type ByteWriter, putVarint, VARINT_BYTES, zigzag } from "./byte-writer.ts";
import { type Value, ValueSet } from "./value.ts";
import { badBatch, WIRE_LIMITS } from "./wire-limits.ts";
import type { StringTable, StringTableWriter } from "./wire-strings.ts";
import { isWireDouble, isWireInteger, readCount, readValue, writeValue } from "./wire-values.ts";

/**
 * Where the values of each sort belong: `integerAt[j]` is the event of the j-th integer. Scratch,
 * filled by whoever goes over the kinds, used within one call and never across.
 */
export const integerAt: Uint32Array = new Uint32Array(WIRE_LIMITS.events);
export const doubleAt: Uint32Array = new Uint32Array(WIRE_LIMITS.events);
export const otherAt: Uint32Array = new Uint32Array(WIRE_LIMITS.events);
const lastInteger = new Float64Array(WIRE_LIMITS.events);

/** How many events have a value of each sort, and how many have a body instead. */
export interface KindCounts {
  integers: number;
  doubles: number;
  others: number;
  bodies: number;
}

/** Writes all four; `wireRefs` are the variables' numbers on the wire. */
export function writeChangeValues(
  out: ByteWriter,
  strings: StringTableWriter,
  events: EventColumns,
  wireRefs: Int32Array,
  counts: KindCounts,
): void {
  writeOthers(out, strings, events, counts.others);
  writeIntegers(out, events, wireRefs, counts.integers);
  for (let j = 0; j < counts.doubles; j += 1) {
    out.float64(events.valueNumber[doubleAt[j] as number] as number);
  }
}

function writeOthers(
  out: ByteWriter,
  strings: StringTableWriter,
  events: EventColumns,
  others: number,
): void {
  const { values, valueNumber, valueTag, kind } = events;
  const wireIndex = new Int32Array(values.length).fill(-1);
  const used: number[] = [];
  const codes = new Uint32Array(others);
  for (let j = 0; j < others; j += 1) {
    const i = otherAt[j] as number;
    const local = valueNumber[i] as number;
    const known = wireIndex[local];
    if (known === undefined) badBatch("a value that is not listed");
    checkListedValue(values[local] as Value, kind[i] as number, valueTag[i] as number);
    if (known === -1) {
      wireIndex[local] = used.length;
      used.push(local);
    } else {
      codes[j] = (known as number) + 1;
    }
  }
  out.varint(used.length);
  for (const local of used) writeValue(out, strings, values[local] as Value);
  out.varints(codes, others);
}

function writeIntegers(
  out: ByteWriter,
  { ref, valueNumber }: EventColumns,
  wireRefs: Int32Array,
  integers: number,
): void {
  lastInteger.fill(0, 0, wireRefs.length);
  out.reserve(integers * VARINT_BYTES);
  const bytes = out.bytes;
  let pos = out.pos;
  for (let j = 0; j < integers; j += 1) {
    const i = integerAt[j] as number;
    const variable = wireRefs[ref[i] as number] as number;
    const value = valueNumber[i] as number;
    pos = putVarint(bytes, pos, zigzag(value - (lastInteger[variable] as number)));
    lastInteger[variable] = value;
  }
  out.pos = pos;
}

/** Fills `valueNumber`, and returns the values that are no numbers. */
export function readChangeValues(
  reader: ByteReader,
  strings: StringTable,
  columns: Pick<EventColumns, "kind" | "ref" | "valueTag" | "valueNumber">,
  variableCount: number,
  counts: KindCounts,
): Value[] {
  const { ref, valueNumber } = columns;
  const values = readOthers(reader, strings, columns, counts.others);
  readIntegers(reader, ref, valueNumber, variableCount, counts.integers);
  reader.need(counts.doubles * 8);
  for (let j = 0; j < counts.doubles; j += 1) {
    const value = reader.float64();
    if (!isWireDouble(value)) badBatch("a double that is none");
    valueNumber[doubleAt[j] as number] = value;
  }
  return values;
}

function readOthers(
  reader: ByteReader,
  strings: StringTable,
  { kind, valueTag, valueNumber }: Pick<EventColumns, "kind" | "valueTag" | "valueNumber">,
  others: number,
): Value[] {
  const size = readCount(reader);
  if (size > others) badBatch("more values than changes");
  const values = new Array<Value>(size);
  for (let j = 0; j < size; j += 1) values[j] = readValue(reader, strings);
  let next = 0;
  for (let j = 0; j < others; j += 1) {
    const code = reader.varint();
    const index = code === 0 ? next++ : code - 1;
    if (index >= next) badBatch("a value used before its turn");
    const i = otherAt[j] as number;
    checkListedValue(values[index] as Value, kind[i] as number, valueTag[i] as number);
    valueNumber[i] = index;
  }
  if (next !== size) badBatch("values that are not used, or not listed");
  return values;
}

function readIntegers(
  reader: ByteReader,
  ref: Uint32Array,
  valueNumber: Float64Array,
  variableCount: number,
  integers: number,
): void {
  lastInteger.fill(0, 0, variableCount);
  const { bytes, end } = reader;
  let pos = reader.pos;
  for (let j = 0; j < integers; j += 1) {
    let folded: number;
    if (pos < end && (bytes[pos] as number) < 0x80) {
      folded = bytes[pos] as number;
      pos += 1;
    } else {
      reader.pos = pos;
      folded = reader.varint();
      pos = reader.pos;
    }
    const i = integerAt[j] as number;
    const variable = ref[i] as number;
    const value = (lastInteger[variable] as number) + unzigzag(folded);
    if (!isWireInteger(value)) badBatch("an integer out of range");
    lastInteger[variable] = value;
    valueNumber[i] = value;
  }
  reader.pos = pos;
}
/** Only a `set` may hold a set, and what has a tag of its own is not listed (but if cut short). */
function checkListedValue(value: Value, code: number, tag: number): void {
  if (typeof value === "string") return;
  if (code !== 0 && value instanceof ValueSet) badBatch("a set inside a set");
  if (tag === ValueTag.other && (value === null || typeof value !== "object")) {
    badBatch("a value that has a tag of its own");
  }
}
