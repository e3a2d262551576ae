/**
 * Bytes, read one after the other and never trusted: every read checks its end. Twin of
 * byte-writer.ts, which explains varints. Hot: bench `wire`.
 *
 * A varint longer than it need be, or of 2^53 and more, is refused: a number has one form.
 */
import { badBatch } from "./wire-limits.ts";

const TWO_28 = 0x1000_0000;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Undoes `zigzag`. */
export function unzigzag(folded: number): number {
  if (folded <= 0x7fff_ffff) return (folded >>> 1) ^ -(folded & 1);
  const half = Math.floor(folded / 2);
  return folded === half * 2 ? half : -half - 1;
}

export class ByteReader {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  pos: number;
  /** Reading stops here. */
  readonly end: number;

  constructor(bytes: Uint8Array, start: number = 0, end: number = bytes.length) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.pos = start;
    this.end = end;
  }

  get remaining(): number {
    return this.end - this.pos;
  }

  /** Refuses if fewer than `count` bytes are left. */
  need(count: number): void {
    if (count > this.end - this.pos) badBatch("it ends too early");
  }

  byte(): number {
    this.need(1);
    const value = this.bytes[this.pos] as number;
    this.pos += 1;
    return value;
  }

  uint32(): number {
    this.need(4);
    const value = this.#view.getUint32(this.pos, true);
    this.pos += 4;
    return value;
  }

  float64(): number {
    this.need(8);
    const value = this.#view.getFloat64(this.pos, true);
    this.pos += 8;
    return value;
  }

  varint(): number {
    const { bytes, end } = this;
    let pos = this.pos;
    let low = 0;
    let shift = 0;
    for (; shift < 28; shift += 7) {
      if (pos >= end) badBatch("it ends too early");
      const byte = bytes[pos] as number;
      pos += 1;
      if (byte < 0x80) {
        if (byte === 0 && shift > 0) badBatch("a number in too many bytes");
        this.pos = pos;
        return low + (byte << shift);
      }
      low += (byte & 0x7f) << shift;
    }
    let high = 0;
    for (shift = 0; shift < 28; shift += 7) {
      if (pos >= end) badBatch("it ends too early");
      const byte = bytes[pos] as number;
      pos += 1;
      high += (byte & 0x7f) << shift;
      if (byte < 0x80) {
        if (byte === 0) badBatch("a number in too many bytes");
        if (high >= 0x200_0000) break;
        this.pos = pos;
        return low + high * TWO_28;
      }
    }
    return badBatch("a number of 2^53 or more");
  }

  /** `count` varints, in a new column. */
  column(count: number): Float64Array {
    this.need(count);
    const column = new Float64Array(count);
    this.varints(column, 0);
    return column;
  }

  /** Fills `out` from index `at` on with varints. Doubles, since a Uint32Array would wrap. */
  varints(out: Float64Array, at: number): void {
    const { bytes, end } = this;
    let pos = this.pos;
    for (let i = at; i < out.length; i += 1) {
      if (pos + 1 < end) {
        const first = bytes[pos] as number;
        if (first < 0x80) {
          out[i] = first;
          pos += 1;
          continue;
        }
        const second = bytes[pos + 1] as number;
        if (second < 0x80 && second > 0) {
          out[i] = (first & 0x7f) + (second << 7);
          pos += 2;
          continue;
        }
      }
      this.pos = pos;
      out[i] = this.varint();
      pos = this.pos;
    }
    this.pos = pos;
  }

  /** `length` bytes of UTF-8. */
  text(length: number): string {
    this.need(length);
    const start = this.pos;
    const end = start + length;
    this.pos = end;
    return decodeText(this.bytes, start, end);
  }

  /** A text with its length in bytes before it. */
  lengthAndText(what: string, limit: number): string {
    const length = this.varint();
    if (length > limit) badBatch(`${what} of ${length} bytes; at most ${limit} are allowed`);
    return this.text(length);
  }
}

/** The text of `bytes[start, end)`; refuses what is not UTF-8. */
export function decodeText(bytes: Uint8Array, start: number, end: number): string {
  try {
    return utf8.decode(bytes.subarray(start, end));
  } catch {
    return badBatch("text that is not UTF-8");
  }
}
