/**
 * The string table of a batch: every name and every string value once; all else is an index.
 *
 *     count | byte length of each, as varints | the UTF-8 of all, back to back
 */
import type { ByteReader } from "./byte-reader.ts";
import { decodeText } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import { badBatch, checkLimit, WIRE_LIMITS } from "./wire-limits.ts";

/** Of ES2024, in every engine we run on; not yet in the library of types. */
interface WellFormed {
  isWellFormed(): boolean;
  toWellFormed(): string;
}

/** `text` with each lone surrogate, which UTF-8 cannot say, replaced by U+FFFD. */
export function toWellFormed(text: string): string {
  return (text as unknown as WellFormed).toWellFormed();
}

/** How many bytes `text` takes. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (const char of text) {
    const code = char.codePointAt(0) as number;
    // A pair is two units and four bytes; all other units above 0x7ff take three.
    if (code > 0x7ff) bytes += 2;
    else if (code > 0x7f) bytes += 1;
  }
  return bytes;
}

/** Gives strings their indexes while a batch is encoded. */
export class StringTableWriter {
  readonly #indexes = new Map<string, number>();
  readonly #strings: string[] = [];
  /** How often a text had to be changed to be written: see `toWellFormed`. */
  replacedCount = 0;

  clear(): void {
    this.#indexes.clear();
    this.#strings.length = 0;
    this.replacedCount = 0;
  }

  /** The index of `text`, the same for texts that are equal as UTF-8. */
  index(text: string): number {
    const known = this.#indexes.get(text);
    if (known !== undefined) return known;
    if (!(text as unknown as WellFormed).isWellFormed()) {
      this.replacedCount += 1;
      return this.index(toWellFormed(text));
    }
    const index = this.#strings.length;
    this.#strings.push(text);
    this.#indexes.set(text, index);
    return index;
  }

  /** As `index`, for a log, a key, a channel...: refuses what is too long for a name. */
  name(text: string): number {
    // A UTF-16 unit is at most three bytes, so most names need no counting.
    if (text.length * 3 > WIRE_LIMITS.nameBytes) {
      checkLimit("bytes of a name", utf8Length(text), WIRE_LIMITS.nameBytes);
    }
    return this.index(text);
  }

  /** Writes the table. Lengths go in front, so the texts are written to `scratch` first. */
  writeTo(out: ByteWriter, scratch: ByteWriter): void {
    const strings = this.#strings;
    checkLimit("strings in a batch", strings.length, WIRE_LIMITS.strings);
    out.varint(strings.length);
    scratch.clear();
    for (const text of strings) {
      const bytes = scratch.text(text);
      checkLimit("bytes of a string", bytes, WIRE_LIMITS.stringBytes);
      out.varint(bytes);
    }
    out.raw(scratch.bytes.subarray(0, scratch.pos));
  }
}

/** The strings of a batch, by index; remembers their sizes for the limits of names. */
export class StringTable {
  readonly #strings: readonly string[];
  readonly #bytes: Uint32Array;

  private constructor(strings: readonly string[], bytes: Uint32Array) {
    this.#strings = strings;
    this.#bytes = bytes;
  }

  static read(reader: ByteReader): StringTable {
    const count = reader.varint();
    checkLimit("strings in a batch", count, WIRE_LIMITS.strings);
    reader.need(count);
    const lengths = new Uint32Array(count);
    let total = 0;
    for (let i = 0; i < count; i += 1) {
      const length = reader.varint();
      checkLimit("bytes of a string", length, WIRE_LIMITS.stringBytes);
      lengths[i] = length;
      total += length;
    }
    reader.need(total);
    const strings = new Array<string>(count);
    let pos = reader.pos;
    for (let i = 0; i < count; i += 1) {
      const end = pos + (lengths[i] as number);
      strings[i] = decodeText(reader.bytes, pos, end);
      pos = end;
    }
    reader.pos = pos;
    return new StringTable(strings, lengths);
  }

  get count(): number {
    return this.#strings.length;
  }

  /** Any string. */
  text(index: number): string {
    return this.#strings[index] ?? badBatch("an index beyond the string table");
  }

  /** A string that is short enough for a name. */
  name(index: number): string {
    const text = this.text(index);
    const bytes = this.#bytes[index] as number;
    if (bytes > WIRE_LIMITS.nameBytes) checkLimit("bytes of a name", bytes, WIRE_LIMITS.nameBytes);
    return text;
  }
}
