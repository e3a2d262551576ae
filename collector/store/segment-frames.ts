/**
 * Columns of whole numbers, bit-packed in small frames: what blocks and checkpoints are made of. Here they are
 * written; segment-frame-reader.ts reads them. Hot: bench `store-size`. Each frame of 256 numbers has a width of its own, and the few numbers that
 * need more are patched in afterwards, so that one leap does not widen its neighbours:
 *
 *     frame     width 1 | patches 1 | base, zigzag varint | packed numbers | patches
 *     number    base + packed bits, lowest first          width 0..24: one plane
 *                                                         25..48: a plane of the low 24 bits, one of the rest
 *                                                         64: doubles, without a base
 *     patch     index in the frame 1 | what lies above the packed bits, varint
 *
 * A frame is unpacked by unaligned reads of 32 bits, so a column must be followed by at least
 * `FRAME_PADDING` bytes. Numbers are whole, above -2^51 and below 2^53 (`t` may leap that far). After
 * Lemire and Boytsov, "Decoding billions of integers per second through vectorization", 2015 (PFOR).
 */
import { type ByteWriter, zigzag } from "../../agent/kernel/index.ts";

/** Numbers in a frame; the last of a column may have fewer. */
export const FRAME_NUMBERS = 256;
/** Bytes that must follow the last column, whatever is in them. */
export const FRAME_PADDING = 4;

/** Bits of a plane; of both; and the width that says that numbers stand there as doubles. */
export const PLANE_BITS = 24;
export const MAX_PACKED_BITS = 48;
export const RAW = 64;
const MAX_PATCHES = 255;
/** Numbers of fewer bits are split as integers. */
const SMALL_BITS = 31;
const HIGHEST_BASE = 2 ** 51;
export const TWO_24: number = 2 ** 24;
const TWO_32 = 2 ** 32;
export const POWERS: Float64Array = Float64Array.from({ length: 54 }, (_, power) => 2 ** power);

// Scratch, used within one call and never across.
const low = new Uint32Array(FRAME_NUMBERS);
const high = new Uint32Array(FRAME_NUMBERS);
const widths = new Uint32Array(RAW + 1);

/** Writes the first `count` of `numbers`. */
export function writeFrames(out: ByteWriter, numbers: ArrayLike<number>, count: number): void {
  for (let start = 0; start < count; start += FRAME_NUMBERS) {
    writeFrame(out, numbers, start, Math.min(count, start + FRAME_NUMBERS));
  }
}

/** About how many bits `writeFrames` would write. */
export function frameBits(numbers: ArrayLike<number>, count: number): number {
  let bits = 0;
  for (let start = 0; start < count; start += FRAME_NUMBERS) {
    plan(numbers, start, Math.min(count, start + FRAME_NUMBERS));
    bits += planned.bits;
  }
  return bits;
}

function writeFrame(out: ByteWriter, all: ArrayLike<number>, start: number, end: number): void {
  plan(all, start, end);
  const { base, width, most } = planned;
  out.byte(width);
  if (width === RAW) {
    out.byte(0);
    for (let i = start; i < end; i += 1) out.float64(all[i] as number);
    return;
  }
  const patches = most < SMALL_BITS ? splitSmall(all, start, end) : splitLarge(all, start, end);
  out.byte(patches);
  out.varint(zigzag(base));
  writePlane(out, low, end - start, Math.min(width, PLANE_BITS));
  if (width > PLANE_BITS) writePlane(out, high, end - start, width - PLANE_BITS);
  if (patches === 0) return;
  const power = POWERS[width] as number;
  for (let i = start; i < end; i += 1) {
    const above = Math.floor(((all[i] as number) - base) / power);
    if (above === 0) continue;
    out.byte(i - start);
    out.varint(above);
  }
}

/** Fills `low` and `high` with the packed bits; returns how many numbers need a patch. */
function splitSmall(all: ArrayLike<number>, start: number, end: number): number {
  const { base, width } = planned;
  const mask = width < SMALL_BITS ? 2 ** width - 1 : -1;
  let patches = 0;
  for (let i = start; i < end; i += 1) {
    const rest = (all[i] as number) - base;
    const packed = rest & mask;
    if (packed !== rest) patches += 1;
    low[i - start] = packed & (TWO_24 - 1);
    high[i - start] = packed >>> PLANE_BITS;
  }
  return patches;
}

/** As above, for what an integer of 31 bits cannot hold. */
function splitLarge(all: ArrayLike<number>, start: number, end: number): number {
  const { base, width } = planned;
  const power = POWERS[width] as number;
  let patches = 0;
  for (let i = start; i < end; i += 1) {
    const rest = (all[i] as number) - base;
    const packed = rest - Math.floor(rest / power) * power;
    if (packed !== rest) patches += 1;
    const upper = Math.floor(packed / TWO_24);
    low[i - start] = packed - upper * TWO_24;
    high[i - start] = upper;
  }
  return patches;
}

/** How a frame is written: the width that makes it smallest, patches counted. */
const planned = { base: 0, width: 0, most: 0, bits: 0 };

function plan(all: ArrayLike<number>, start: number, end: number): void {
  let base = HIGHEST_BASE;
  for (let i = start; i < end; i += 1) {
    const number = all[i] as number;
    if (number < base) base = number;
  }
  widths.fill(0);
  let most = 0;
  for (let i = start; i < end; i += 1) {
    const bits = bitsOf((all[i] as number) - base);
    widths[bits] = (widths[bits] as number) + 1;
    if (bits > most) most = bits;
  }
  let best = RAW;
  let bestBits = RAW * (end - start);
  let patches = 0;
  for (let width = most; width >= 0; width -= 1) {
    if (width < most) patches += widths[width + 1] as number;
    // Each takes two bytes at the least: fewer bits cannot make up for so many.
    if (patches > MAX_PATCHES || patches * 16 > bestBits) break;
    if (width > MAX_PACKED_BITS) continue;
    let bits = width * (end - start);
    for (let wider = width + 1; wider <= most && patches > 0; wider += 1) {
      bits += (widths[wider] as number) * (8 + 8 * Math.ceil((wider - width) / 7));
    }
    if (bits < bestBits) {
      best = width;
      bestBits = bits;
    }
  }
  planned.base = base;
  planned.width = best;
  planned.most = most;
  planned.bits = bestBits;
}

function bitsOf(number: number): number {
  return number < TWO_32 ? 32 - Math.clz32(number) : 64 - Math.clz32(Math.floor(number / TWO_32));
}

function writePlane(out: ByteWriter, plane: Uint32Array, count: number, width: number): void {
  let held = 0;
  let bits = 0;
  out.reserve(Math.ceil((count * width) / 8));
  for (let i = 0; i < count; i += 1) {
    // At most 7 bits are held, and at most 24 come: 31 fit.
    held |= (plane[i] as number) << bits;
    bits += width;
    while (bits >= 8) {
      out.bytes[out.pos] = held;
      out.pos += 1;
      held >>>= 8;
      bits -= 8;
    }
  }
  if (bits > 0) out.byte(held & 0xff);
}
