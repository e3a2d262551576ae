/**
 * Latency histograms as bytes. Each is in hdr-histogram's V2 form, as hdr-histogram-js writes it:
 *
 *     0    0x1c849313     cookie, V2                            integers big-endian
 *     4    length         of the counts
 *     8    1              normalizing index offset (1 here, 0 in Java: not looked at by this port)
 *     12   3              significant digits
 *     16   1              lowest discernible value, 64 bits
 *     24   3600000000     highest trackable value, 64 bits
 *     32   1              ratio to a double, here as a whole number, 64 bits
 *     40   counts         zigzag LEB128: a count, or minus the length of a run of zeros
 *
 * All of ours have the same range and digits: adding counts is exact, and a reader may allocate without fear.
 *
 *     version        1
 *     names          count, each as length and UTF-8: operations and peers, in order of first use
 *     histograms     count, then each: operation, side (0 server, 1 caller), peer + 1 or 0, length, V2
 */
import { ByteReader } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";
import { type LatencyHistogram, MAX_LATENCY_US } from "./side-block.ts";
import { readNames, SideNames, sideBytes } from "./side-bytes.ts";
import { badBatch, checkLimit, WIRE_LIMITS } from "./wire-limits.ts";

const VERSION = 1;
const V2_COOKIE = 0x1c84_9313;
const V2_HEADER_BYTES = 40;
const DIGITS = 3;
/** Buckets of 1,024 halves up to the highest value, and one half more: see HdrHistogram. */
const COUNTS = (Math.ceil(Math.log2((MAX_LATENCY_US + 1) / 2_048)) + 2) * 1_024;

// Scratch, used within one call and never across.
const out = new ByteWriter();

/**
 * Histograms as bytes. They keep their order.
 * @throws RetroError `bad-batch`, `too-large`: not V2, another range, a server's with a peer
 */
export function encodeHistograms(all: readonly LatencyHistogram[]): Uint8Array {
  checkLimit("histograms", all.length, WIRE_LIMITS.histograms);
  const names = new SideNames();
  const indexes = all.map(({ operation, peer }) => ({
    operation: names.index(operation),
    peer: peer === null ? 0 : names.index(peer) + 1,
  }));
  return sideBytes(out, VERSION, () => {
    names.writeTo(out);
    out.varint(all.length);
    all.forEach((histogram, i) => {
      checkHistogram(histogram);
      const { operation, peer } = indexes[i] as (typeof indexes)[number];
      out.varint(operation);
      out.byte(histogram.side === "server" ? 0 : 1);
      out.varint(peer);
      out.varint(histogram.v2.length);
      out.raw(histogram.v2);
    });
  });
}

/**
 * What `encodeHistograms` was given; `v2` are copies. Counts are walked, so that hdr-histogram can read them.
 * @throws RetroError `bad-batch`, `too-large`, `unsupported-version`
 */
export function decodeHistograms(bytes: Uint8Array): LatencyHistogram[] {
  const reader = new ByteReader(bytes);
  const names = readNames(reader, VERSION);
  const count = reader.varint();
  checkLimit("histograms", count, WIRE_LIMITS.histograms);
  const all: LatencyHistogram[] = [];
  for (let i = 0; i < count; i += 1) {
    const operation = names.at(reader.varint());
    const side = reader.byte();
    if (side > 1) badBatch("a histogram of no side");
    const peer = reader.varint();
    const peerName = peer === 0 ? null : names.at(peer - 1);
    const v2Bytes = reader.varint();
    reader.need(v2Bytes);
    const v2 = bytes.slice(reader.pos, reader.pos + v2Bytes);
    reader.pos += v2Bytes;
    const histogram: LatencyHistogram = {
      ...{ operation, side: side === 0 ? "server" : "caller", peer: peerName, v2 },
    };
    checkHistogram(histogram);
    all.push(histogram);
  }
  names.checkUsed();
  if (reader.remaining > 0) badBatch("bytes after the histograms");
  return all;
}

function checkHistogram({ side, peer, v2 }: LatencyHistogram): void {
  if (side === "server" && peer !== null) badBatch("a server's histogram with a peer");
  if (v2.length < V2_HEADER_BYTES) badBatch("a histogram that ends too early");
  const view = new DataView(v2.buffer, v2.byteOffset, v2.byteLength);
  const isOurs =
    view.getUint32(0) === V2_COOKIE &&
    view.getUint32(4) === v2.length - V2_HEADER_BYTES &&
    view.getUint32(8) === 1 &&
    view.getUint32(12) === DIGITS &&
    view.getUint32(16) === 0 &&
    view.getUint32(20) === 1 &&
    view.getUint32(24) === 0 &&
    view.getUint32(28) === MAX_LATENCY_US &&
    view.getUint32(32) === 0 &&
    view.getUint32(36) === 1;
  if (!isOurs) badBatch("a histogram of another kind, range or precision");
  checkCounts(v2);
}

/** Runs of zeros and counts must end inside the table, or a reader would write beyond it. */
function checkCounts(v2: Uint8Array): void {
  let pos = V2_HEADER_BYTES;
  let index = 0;
  while (pos < v2.length) {
    let folded = 0;
    let scale = 1;
    let byte: number;
    do {
      // Counts are 32 bits, so five bytes are enough; the sixth would be a bomb or damage.
      if (pos === v2.length || scale > 2 ** 28) badBatch("a count that does not end");
      byte = v2[pos] as number;
      pos += 1;
      folded += (byte & 0x7f) * scale;
      scale *= 128;
    } while (byte >= 0x80);
    const isRun = folded % 2 === 1;
    const size = isRun ? (folded + 1) / 2 : folded / 2;
    if (isRun ? size < 1 : size > 0x7fff_ffff) badBatch("a count out of range");
    index += isRun ? size : 1;
    if (index > COUNTS) badBatch("counts beyond the histogram's range");
  }
}
