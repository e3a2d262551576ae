/**
 * Bytes, written one after the other into a buffer that grows. Hot: bench `wire`.
 *
 * A varint is a whole number >= 0 below 2^53: seven bits a byte, lowest first, the top bit set on
 * all but the last byte. Up to 28 bits go through integer arithmetic; what is above is split off
 * by one division. Signed numbers are folded (zigzag: 0, -1, 1, -2 ... become 0, 1, 2, 3 ...).
 */

/** The most bytes that a varint takes. */
export const VARINT_BYTES = 8;

const INITIAL_BYTES = 16 * 1024;
/** A scratch writer that grew beyond this gives its buffer back when it is cleared. */
const KEPT_BYTES = 1024 * 1024;
const TWO_28 = 0x1000_0000;

const utf8 = new TextEncoder();

/** Folds a sign in. `value` must be within +-2^52. */
export function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}

/** Writes a varint at `pos`, where `VARINT_BYTES` must be free; returns the position after it. */
export function putVarint(bytes: Uint8Array, at: number, value: number): number {
  let pos = at;
  if (value < 0x80) {
    bytes[pos] = value;
    return pos + 1;
  }
  if (value < 0x4000) {
    bytes[pos] = (value & 0x7f) | 0x80;
    bytes[pos + 1] = value >>> 7;
    return pos + 2;
  }
  let rest = value;
  if (value >= TWO_28) {
    const high = Math.floor(value / TWO_28);
    const low = value - high * TWO_28;
    bytes[pos] = (low & 0x7f) | 0x80;
    bytes[pos + 1] = ((low >>> 7) & 0x7f) | 0x80;
    bytes[pos + 2] = ((low >>> 14) & 0x7f) | 0x80;
    bytes[pos + 3] = (low >>> 21) | 0x80;
    pos += 4;
    rest = high;
  }
  while (rest >= 0x80) {
    bytes[pos] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
    pos += 1;
  }
  bytes[pos] = rest;
  return pos + 1;
}

export class ByteWriter {
  bytes: Uint8Array = new Uint8Array(INITIAL_BYTES);
  #view: DataView = new DataView(this.bytes.buffer);
  pos = 0;

  /** Forgets what was written. */
  clear(): void {
    this.pos = 0;
    if (this.bytes.length > KEPT_BYTES) this.#resize(INITIAL_BYTES);
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    const needed = this.pos + count;
    if (needed > this.bytes.length) this.#resize(Math.max(needed, this.bytes.length * 2));
  }

  #resize(size: number): void {
    const old = this.bytes;
    this.bytes = new Uint8Array(size);
    this.bytes.set(old.subarray(0, this.pos));
    this.#view = new DataView(this.bytes.buffer);
  }

  byte(value: number): void {
    this.reserve(1);
    this.bytes[this.pos] = value;
    this.pos += 1;
  }

  varint(value: number): void {
    this.reserve(VARINT_BYTES);
    this.pos = putVarint(this.bytes, this.pos, value);
  }

  uint32(value: number): void {
    this.reserve(4);
    this.#view.setUint32(this.pos, value, true);
    this.pos += 4;
  }

  /** Eight bytes, little-endian IEEE 754. */
  float64(value: number): void {
    this.reserve(8);
    this.#view.setFloat64(this.pos, value, true);
    this.pos += 8;
  }

  /** The first `count` of `values` as varints. */
  varints(values: ArrayLike<number>, count: number): void {
    this.reserve(count * VARINT_BYTES);
    const bytes = this.bytes;
    let pos = this.pos;
    for (let i = 0; i < count; i += 1) {
      const value = values[i] as number;
      if (value < 0x80) {
        bytes[pos] = value;
        pos += 1;
      } else {
        pos = putVarint(bytes, pos, value);
      }
    }
    this.pos = pos;
  }

  raw(source: Uint8Array): void {
    this.reserve(source.length);
    this.bytes.set(source, this.pos);
    this.pos += source.length;
  }

  /** UTF-8 of `text`, without its length. Lone surrogates become U+FFFD. Returns the bytes written. */
  text(text: string): number {
    const length = text.length;
    this.reserve(length * 3);
    const { bytes, pos: start } = this;
    for (let i = 0; i < length; i += 1) {
      const code = text.charCodeAt(i);
      if (code >= 0x80) {
        const { written } = utf8.encodeInto(text, bytes.subarray(start));
        this.pos = start + written;
        return written;
      }
      bytes[start + i] = code;
    }
    this.pos = start + length;
    return length;
  }

  /** Length in bytes as a varint, then UTF-8: short texts outside the string table. */
  lengthAndText(text: string): number {
    const encoded = utf8.encode(text);
    this.varint(encoded.length);
    this.raw(encoded);
    return encoded.length;
  }
}
