/**
 * Reads columns of whole numbers, as drawn in segment-frames.ts. Hot: benches `store-size`, `walk`.
 */
import { type ByteReader, unzigzag } from "../../agent/kernel/index.ts";
import { damagedBlock } from "./segment-damage.ts";
import {
  FRAME_NUMBERS,
  FRAME_PADDING,
  MAX_PACKED_BITS,
  PLANE_BITS,
  POWERS,
  RAW,
  TWO_24,
} from "./segment-frames.ts";

// Scratch, used within one call and never across.
const low = new Uint32Array(FRAME_NUMBERS);
const high = new Uint32Array(FRAME_NUMBERS);

/** Fills `into` from the reader. @throws RetroError `data-damaged`, `bad-batch` */
export function readFrames(reader: ByteReader, into: Float64Array): void {
  const view = viewOf(reader);
  for (let start = 0; start < into.length; start += FRAME_NUMBERS) {
    readFrame(reader, view, into, start, Math.min(FRAME_NUMBERS, into.length - start));
  }
}

/**
 * Fills the first `count` places of `into` with the sums of what is read, beginning with `before`: of steps
 * it makes what they lead to, in one go where a frame has no patches. Throws as `readFrames`.
 */
export function readRunning(
  reader: ByteReader,
  into: Float64Array,
  count: number,
  before: number,
): void {
  const view = viewOf(reader);
  let sum = before;
  for (let start = 0; start < count; start += FRAME_NUMBERS) {
    const inFrame = Math.min(FRAME_NUMBERS, count - start);
    sum = readRunningFrame(reader, view, into, start, inFrame, sum);
  }
}

/** One frame of `count` numbers, summed into the places from `at` on; returns the last sum. Throws as `readFrames`. */
export function readRunningFrame(
  reader: ByteReader,
  view: DataView,
  into: Float64Array,
  at: number,
  count: number,
  before: number,
): number {
  reader.need(2);
  const width = reader.bytes[reader.pos] as number;
  if (width > 0 && width <= PLANE_BITS && reader.bytes[reader.pos + 1] === 0) {
    return readRunningPlane(reader, view, into, at, count, before);
  }
  readFrame(reader, view, into, at, count);
  let sum = before;
  for (let i = at; i < at + count; i += 1) {
    sum += into[i] as number;
    into[i] = sum;
  }
  return sum;
}

/** A frame of one plane and no patches, summed while it is unpacked. */
function readRunningPlane(
  reader: ByteReader,
  view: DataView,
  into: Float64Array,
  at: number,
  count: number,
  before: number,
): number {
  const width = reader.byte();
  reader.byte();
  const base = unzigzag(reader.varint());
  const bytes = (count * width + 7) >> 3;
  reader.need(bytes + FRAME_PADDING);
  const start = reader.pos;
  const mask = (1 << width) - 1;
  let sum = before;
  let bit = 0;
  for (let i = at; i < at + count; i += 1) {
    sum += base + ((view.getUint32(start + (bit >> 3), true) >>> (bit & 7)) & mask);
    into[i] = sum;
    bit += width;
  }
  reader.pos = start + bytes;
  return sum;
}

/** One frame of `count` numbers, into the places from `start` on; `view` is of the reader's bytes. Throws as `readFrames`. */
export function readFrame(
  reader: ByteReader,
  view: DataView,
  into: Float64Array,
  start: number,
  count: number,
): void {
  const width = reader.byte();
  const patches = reader.byte();
  if (width === RAW) {
    for (let i = 0; i < count; i += 1) into[start + i] = reader.float64();
    return;
  }
  const base = readPacked(reader, view, width, count);
  if (width <= PLANE_BITS) {
    for (let i = 0; i < count; i += 1) into[start + i] = base + (low[i] as number);
  } else {
    for (let i = 0; i < count; i += 1) {
      into[start + i] = base + (low[i] as number) + (high[i] as number) * TWO_24;
    }
  }
  for (let patch = 0; patch < patches; patch += 1) {
    const at = start + patchedIndex(reader, count);
    into[at] = (into[at] as number) + reader.varint() * (POWERS[width] as number);
  }
}

/** Passes over `count` numbers that can be nothing but zero: of who is the only one. Throws as `readFrames`. */
export function skipZeros(reader: ByteReader, count: number): void {
  for (let start = 0; start < count; start += FRAME_NUMBERS) {
    if (reader.byte() !== 0 || reader.byte() !== 0 || reader.varint() !== 0) {
      damagedBlock("a number out of range");
    }
  }
}

/** Passes over `count` numbers that nobody wants: reads the heads of their frames alone. */
export function skipFrames(reader: ByteReader, count: number): void {
  for (let start = 0; start < count; start += FRAME_NUMBERS) {
    const inFrame = Math.min(FRAME_NUMBERS, count - start);
    const width = reader.byte();
    const patches = reader.byte();
    if (width === RAW) {
      skipBytes(reader, inFrame * 8);
      continue;
    }
    if (width > MAX_PACKED_BITS) damagedBlock("a frame of impossible width");
    reader.varint();
    skipBytes(reader, (inFrame * Math.min(width, PLANE_BITS) + 7) >> 3);
    if (width > PLANE_BITS) skipBytes(reader, (inFrame * (width - PLANE_BITS) + 7) >> 3);
    for (let patch = 0; patch < patches; patch += 1) {
      reader.byte();
      reader.varint();
    }
  }
}

function skipBytes(reader: ByteReader, bytes: number): void {
  reader.need(bytes);
  reader.pos += bytes;
}

/** As `readFrames`, for numbers known to be from 0 to below `limit`, 2^24 at most. */
export function readSmallFrames(
  reader: ByteReader,
  into: Uint32Array | Uint8Array,
  limit: number,
): void {
  const view = viewOf(reader);
  for (let start = 0; start < into.length; start += FRAME_NUMBERS) {
    const count = Math.min(FRAME_NUMBERS, into.length - start);
    const width = reader.byte();
    const patches = reader.byte();
    if (width > PLANE_BITS) damagedBlock("a small number in many bits");
    const base = readPacked(reader, view, width, count);
    if (base < 0 || base >= limit) damagedBlock("a number out of range");
    let highest = 0;
    for (let i = 0; i < count; i += 1) {
      const number = base + (low[i] as number);
      highest |= number;
      into[start + i] = number;
    }
    for (let patch = 0; patch < patches; patch += 1) {
      const at = start + patchedIndex(reader, count);
      const number = (into[at] as number) + reader.varint() * (POWERS[width] as number);
      if (number >= limit) damagedBlock("a number out of range");
      into[at] = number;
    }
    // The bits of all: below the limit if they are; else one by one.
    if (highest >= limit) checkBelow(into, start, start + count, limit);
  }
}

function checkBelow(into: ArrayLike<number>, start: number, end: number, limit: number): void {
  for (let i = start; i < end; i += 1) {
    if (!((into[i] as number) < limit)) damagedBlock("a number out of range");
  }
}

/** Unpacks the planes of a frame into `low` and `high`; returns its base. */
function readPacked(reader: ByteReader, view: DataView, width: number, count: number): number {
  const base = unzigzag(reader.varint());
  if (width > MAX_PACKED_BITS) damagedBlock("a frame of impossible width");
  readPlane(reader, view, low, count, Math.min(width, PLANE_BITS));
  if (width > PLANE_BITS) readPlane(reader, view, high, count, width - PLANE_BITS);
  return base;
}

function readPlane(
  reader: ByteReader,
  view: DataView,
  plane: Uint32Array,
  count: number,
  width: number,
): void {
  if (width === 0) {
    plane.fill(0, 0, count);
    return;
  }
  const bytes = (count * width + 7) >> 3;
  reader.need(bytes + FRAME_PADDING);
  const start = reader.pos;
  const mask = 2 ** width - 1;
  let bit = 0;
  for (let i = 0; i < count; i += 1) {
    plane[i] = (view.getUint32(start + (bit >> 3), true) >>> (bit & 7)) & mask;
    bit += width;
  }
  reader.pos = start + bytes;
}

function patchedIndex(reader: ByteReader, count: number): number {
  const index = reader.byte();
  return index < count ? index : damagedBlock("a patch beyond its frame");
}

/** What frames of a reader are unpacked from. */
export function viewOf({ bytes }: ByteReader): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
