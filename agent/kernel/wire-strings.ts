/**
 * The string table of a batch: every name and every string value once; all else is an index.
 *
 *     count | byte length of each, as varints | the UTF-8 of all, back to back
 */
import type { ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import { hashOf, rememberedText } from "./text-memory.ts";
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

/** Texts up to this length are remembered from batch to batch. */
const REMEMBERED_LENGTH = 64;
/** With more texts than this at the end of a batch, all are forgotten. */
const REMEMBERED_TEXTS = 16_384;

/**
 * Gives strings their indexes while a batch is encoded. A node says the same names batch after
 * batch, and to find a string in a Map is much cheaper than to put it there: so short texts keep a
 * number of their own, and only the index that belongs to it is new in each batch.
 */
export class StringTableWriter {
  /** Own numbers of texts, across batches. */
  readonly #numbers = new Map<string, number>();
  /** By own number: in which batch the text was used last, and its index there. */
  #usedIn = new Uint32Array(1_024);
  #indexes = new Uint32Array(1_024);
  #batch = 1;
  /** Indexes of texts too long to be remembered. */
  readonly #longIndexes = new Map<string, number>();
  readonly #strings: string[] = [];
  /** How often a text had to be changed to be written: see `toWellFormed`. */
  replacedCount = 0;

  clear(): void {
    this.#strings.length = 0;
    this.replacedCount = 0;
    if (this.#longIndexes.size > 0) this.#longIndexes.clear();
    this.#batch += 1;
    if (this.#numbers.size <= REMEMBERED_TEXTS && this.#batch < 0xffff_ffff) return;
    this.#numbers.clear();
    this.#usedIn = new Uint32Array(1_024);
    this.#indexes = new Uint32Array(1_024);
    this.#batch = 1;
  }

  /** The index of `text`, the same for texts that are equal as UTF-8. */
  index(text: string): number {
    if (text.length > REMEMBERED_LENGTH) return this.#longIndex(text);
    const known = this.#numbers.get(text);
    if (known === undefined) return this.#newShort(text);
    if (this.#usedIn[known] === this.#batch) return this.#indexes[known] as number;
    return this.#place(known, text);
  }

  #newShort(text: string): number {
    if (!(text as unknown as WellFormed).isWellFormed()) {
      this.replacedCount += 1;
      return this.index(toWellFormed(text));
    }
    const own = this.#numbers.size;
    this.#numbers.set(text, own);
    if (own === this.#usedIn.length) this.#grow();
    return this.#place(own, text);
  }

  #place(own: number, text: string): number {
    const index = this.#strings.length;
    this.#strings.push(text);
    this.#usedIn[own] = this.#batch;
    this.#indexes[own] = index;
    return index;
  }

  #grow(): void {
    const { length } = this.#usedIn;
    const usedIn = new Uint32Array(length * 2);
    const indexes = new Uint32Array(length * 2);
    usedIn.set(this.#usedIn);
    indexes.set(this.#indexes);
    this.#usedIn = usedIn;
    this.#indexes = indexes;
  }

  #longIndex(text: string): number {
    const known = this.#longIndexes.get(text);
    if (known !== undefined) return known;
    if (!(text as unknown as WellFormed).isWellFormed()) {
      this.replacedCount += 1;
      return this.index(toWellFormed(text));
    }
    const index = this.#strings.length;
    this.#strings.push(text);
    this.#longIndexes.set(text, index);
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
  readonly #hashes: Int32Array;

  private constructor(strings: readonly string[], bytes: Uint32Array, hashes: Int32Array) {
    this.#strings = strings;
    this.#bytes = bytes;
    this.#hashes = hashes;
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
    const hashes = new Int32Array(count);
    let pos = reader.pos;
    for (let i = 0; i < count; i += 1) {
      const end = pos + (lengths[i] as number);
      const hash = hashOf(reader.bytes, pos, end);
      hashes[i] = hash;
      strings[i] = rememberedText(reader.bytes, pos, end, hash);
      pos = end;
    }
    reader.pos = pos;
    return new StringTable(strings, lengths, hashes);
  }

  get count(): number {
    return this.#strings.length;
  }

  /** A hash of its bytes; long strings have few different ones. */
  hash(index: number): number {
    return this.#hashes[index] as number;
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
