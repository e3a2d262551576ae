/**
 * Values on the wire: a tag, then what it needs.
 *
 *     0 null   1 false   2 true
 *     3 integer   varint, zigzag; |n| < 2^51
 *     4 double    8 bytes; never what tag 3 can say
 *     5 string    index into the string table
 *     6 array     count, values
 *     7 object    count, (index of the key, value)...   no key twice
 *     8 set       count, values, ascending               outermost only
 *
 * Objects come back without a prototype, so that `__proto__` is a key like any other.
 */
import { type ByteReader, unzigzag } from "./byte-reader.ts";
import { type ByteWriter, zigzag } from "./byte-writer.ts";
import { type Json, type Value, ValueSet } from "./value.ts";
import { badBatch, checkLimit, tooLarge, WIRE_LIMITS } from "./wire-limits.ts";
import { type StringTable, type StringTableWriter, toWellFormed } from "./wire-strings.ts";

const Tag = {
  null: 0,
  false: 1,
  true: 2,
  integer: 3,
  double: 4,
  string: 5,
  array: 6,
  object: 7,
  set: 8,
} as const;

/** Integers below this, either way, travel as varints: differences of two still fit. */
export const INTEGER_BOUND: number = 2 ** 51;

/** Whether `value` travels as an integer; minus zero does not. */
export function isWireInteger(value: number): boolean {
  return (
    Math.floor(value) === value &&
    value < INTEGER_BOUND &&
    value > -INTEGER_BOUND &&
    (value !== 0 || 1 / value > 0)
  );
}

/** Whether `value` is a double that only a double can say. Not NaN, not infinite. */
export function isWireDouble(value: number): boolean {
  return Number.isFinite(value) && !isWireInteger(value);
}

/** @throws RetroError `too-large`, `bad-batch` (a number that is not finite, a foreign type) */
export function writeValue(out: ByteWriter, strings: StringTableWriter, value: Value): void {
  const start = out.pos;
  const replaced = strings.replacedCount;
  write(out, strings, value);
  if (strings.replacedCount === replaced) return;
  // Texts changed on the way: keys may be equal now, members out of order. Begin again without them.
  out.pos = start;
  write(out, strings, wellFormed(value));
}

function wellFormed(value: Value): Value {
  if (!(value instanceof ValueSet)) return wellFormedJson(value);
  return ValueSet.of(value.members.map(wellFormedJson));
}

function wellFormedJson(value: Json): Json {
  if (typeof value === "string") return toWellFormed(value);
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map(wellFormedJson);
  const copy = Object.create(null) as { [key: string]: Json };
  for (const [key, inner] of Object.entries(value)) copy[toWellFormed(key)] = wellFormedJson(inner);
  return copy;
}

function write(out: ByteWriter, strings: StringTableWriter, value: Value): void {
  const start = out.pos;
  if (!(value instanceof ValueSet)) {
    writeJson(out, strings, value, 0);
    checkLimit("bytes of a value", out.pos - start, WIRE_LIMITS.valueBytes);
    return;
  }
  checkLimit("members of a set", value.members.length, WIRE_LIMITS.setMembers);
  out.byte(Tag.set);
  out.varint(value.members.length);
  for (const member of value.members) {
    const memberStart = out.pos;
    writeJson(out, strings, member, 0);
    checkLimit("bytes of a value", out.pos - memberStart, WIRE_LIMITS.valueBytes);
  }
}

function writeJson(out: ByteWriter, strings: StringTableWriter, value: Json, depth: number): void {
  if (value === null) out.byte(Tag.null);
  else if (typeof value === "boolean") out.byte(value ? Tag.true : Tag.false);
  else if (typeof value === "number") writeNumber(out, value);
  else if (typeof value === "string") {
    out.byte(Tag.string);
    out.varint(strings.index(value));
  } else if (typeof value !== "object") badBatch(`a value of type ${typeof value}`);
  else if (depth === WIRE_LIMITS.valueDepth) tooLarge("depth of a value", depth + 1, depth);
  else writeNested(out, strings, value, depth + 1);
}

function writeNested(
  out: ByteWriter,
  strings: StringTableWriter,
  value: readonly Json[] | { readonly [key: string]: Json },
  depth: number,
): void {
  if (Array.isArray(value)) {
    out.byte(Tag.array);
    out.varint(value.length);
    for (const item of value) writeJson(out, strings, item, depth);
    return;
  }
  const object = value as { readonly [key: string]: Json };
  const keys = Object.keys(object);
  out.byte(Tag.object);
  out.varint(keys.length);
  for (const key of keys) {
    out.varint(strings.index(key));
    writeJson(out, strings, object[key] as Json, depth);
  }
}

function writeNumber(out: ByteWriter, value: number): void {
  if (isWireInteger(value)) {
    out.byte(Tag.integer);
    out.varint(zigzag(value));
  } else if (Number.isFinite(value)) {
    out.byte(Tag.double);
    out.float64(value);
  } else {
    badBatch(`the number ${value} in a value`);
  }
}

export function readValue(reader: ByteReader, strings: StringTable): Value {
  reader.need(1);
  if (reader.bytes[reader.pos] !== Tag.set) return readLimited(reader, strings);
  reader.pos += 1;
  const count = readCount(reader);
  checkLimit("members of a set", count, WIRE_LIMITS.setMembers);
  const members = new Array<Json>(count);
  for (let i = 0; i < count; i += 1) members[i] = readLimited(reader, strings);
  return ValueSet.ofAscending(members) ?? badBatch("a set out of order");
}

function readLimited(reader: ByteReader, strings: StringTable): Json {
  const start = reader.pos;
  const value = readJson(reader, strings, 0);
  checkLimit("bytes of a value", reader.pos - start, WIRE_LIMITS.valueBytes);
  return value;
}

function readJson(reader: ByteReader, strings: StringTable, depth: number): Json {
  switch (reader.byte()) {
    case Tag.null:
      return null;
    case Tag.false:
      return false;
    case Tag.true:
      return true;
    case Tag.integer: {
      const value = unzigzag(reader.varint());
      return isWireInteger(value) ? value : badBatch("an integer out of range");
    }
    case Tag.double: {
      const value = reader.float64();
      return isWireDouble(value) ? value : badBatch("a double that is none");
    }
    case Tag.string:
      return strings.text(reader.varint());
    case Tag.array: {
      const count = readNested(reader, depth);
      const items = new Array<Json>(count);
      for (let i = 0; i < count; i += 1) items[i] = readJson(reader, strings, depth + 1);
      return items;
    }
    case Tag.object: {
      const count = readNested(reader, depth);
      const object = Object.create(null) as { [key: string]: Json };
      for (let i = 0; i < count; i += 1) {
        const key = strings.text(reader.varint());
        if (key in object) badBatch("an object with a key twice");
        object[key] = readJson(reader, strings, depth + 1);
      }
      return object;
    }
    default:
      return badBatch("a value of unknown type");
  }
}

function readNested(reader: ByteReader, depth: number): number {
  if (depth === WIRE_LIMITS.valueDepth) tooLarge("depth of a value", depth + 1, depth);
  const count = readCount(reader);
  checkLimit("bytes of a value", count, WIRE_LIMITS.valueBytes);
  return count;
}

/** A count of things that take at least one byte each: never more than bytes are left. */
export function readCount(reader: ByteReader): number {
  const count = reader.varint();
  reader.need(count);
  return count;
}
