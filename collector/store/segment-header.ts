/**
 * The header of a segment: what stands in the place of the batches that it was sealed from. It names the
 * stretch and its blocks, so that readers fetch only those they want. Version 1.
 *
 *     89 'R' 'S' 'S'   never the start of a wire batch
 *     version 1 | imported 1
 *     node, service    length, UTF-8
 *     epoch, firstSeq, count                         varints
 *     firstT, lastT, closed, first arrival (ms)      doubles
 *     batches sealed   varint
 *     blocks           count, then each:
 *         of           0 a log | 1 messages | 2 the rest
 *         log          length, UTF-8, if of a log
 *         events, bytes, offset of the first         varints; 0 bytes: erased by order (erased-blocks.ts)
 *         firstT, lastT                              doubles
 *         numbers      varint; if any: least, greatest    doubles
 */
import {
  ByteReader,
  ByteWriter,
  type EpochRef,
  type Hlc,
  readCount,
} from "../../agent/kernel/index.ts";
import type { DamagedRange, StoredBatch } from "./history-store.ts";
import { damagedBlock } from "./segment-damage.ts";

const MAGIC = 0x53_53_52_89; // 89 'R' 'S' 'S', read little-endian
const VERSION = 1;
const MAX_TEXT = 0xffff;
/** Bytes that a block takes in here at the least. */
const MIN_BLOCK_BYTES = 21;

/** What a block holds. */
export const BlockKind: { readonly log: 0; readonly messages: 1; readonly rest: 2 } = {
  log: 0,
  messages: 1,
  rest: 2,
};

export interface BlockSummary {
  /** A value of `BlockKind`. */
  readonly kind: number;
  /** Empty unless it is the block of a log. */
  readonly log: string;
  readonly count: number;
  readonly byteCount: number;
  /** Of the first event: seq - firstSeq of the segment. */
  readonly firstOffset: number;
  readonly firstT: Hlc;
  readonly lastT: Hlc;
  /** How many changes have a number, and which is the least and the greatest (0 and 0 if none has). */
  readonly numberCount: number;
  readonly least: number;
  readonly greatest: number;
}

export interface SegmentHeader extends EpochRef {
  readonly service: string;
  readonly imported: boolean;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly firstT: Hlc;
  readonly lastT: Hlc;
  /** The promise that came with the last of its batches. */
  readonly closed: Hlc;
  /** Collector's wall clock (Unix ms) when the first of its batches came. */
  readonly firstArrivalMs: number;
  readonly batchCount: number;
  /** Logs in order of their first event, then messages, then the rest. */
  readonly blocks: readonly BlockSummary[];
}

const out = new ByteWriter();

/** Whether the bytes of a stored record are a segment's header, and not a wire batch. */
export function isSegment(bytes: Uint8Array): boolean {
  return bytes[0] === 0x89 && bytes[3] === 0x53 && bytes[1] === 0x52 && bytes[2] === 0x53;
}

export function encodeSegmentHeader(header: SegmentHeader): Uint8Array {
  out.clear();
  out.uint32(MAGIC);
  out.byte(VERSION);
  out.byte(header.imported ? 1 : 0);
  out.lengthAndText(header.node);
  out.lengthAndText(header.service);
  out.varint(header.epoch);
  out.varint(header.firstSeq);
  out.varint(header.lastSeq - header.firstSeq + 1);
  out.float64(header.firstT);
  out.float64(header.lastT);
  out.float64(header.closed);
  out.float64(header.firstArrivalMs);
  out.varint(header.batchCount);
  out.varint(header.blocks.length);
  for (const block of header.blocks) writeBlock(block);
  return out.bytes.slice(0, out.pos);
}

function writeBlock(block: BlockSummary): void {
  out.byte(block.kind);
  if (block.kind === BlockKind.log) out.lengthAndText(block.log);
  out.varint(block.count);
  out.varint(block.byteCount);
  out.varint(block.firstOffset);
  out.float64(block.firstT);
  out.float64(block.lastT);
  out.varint(block.numberCount);
  if (block.numberCount === 0) return;
  out.float64(block.least);
  out.float64(block.greatest);
}

/** @throws RetroError `data-damaged`, `bad-batch`: not a header as we write it */
export function decodeSegmentHeader(bytes: Uint8Array): SegmentHeader {
  const reader = new ByteReader(bytes);
  if (reader.uint32() !== MAGIC) damagedBlock("not the header of a segment");
  if (reader.byte() !== VERSION) damagedBlock("a segment of another version");
  const imported = reader.byte() === 1;
  const node = reader.lengthAndText("a node", MAX_TEXT);
  const service = reader.lengthAndText("a service", MAX_TEXT);
  const epoch = reader.varint();
  const firstSeq = reader.varint();
  const lastSeq = firstSeq + reader.varint() - 1;
  const firstT = reader.float64() as Hlc;
  const lastT = reader.float64() as Hlc;
  const closed = reader.float64() as Hlc;
  const firstArrivalMs = reader.float64();
  const batchCount = reader.varint();
  const count = readCount(reader);
  reader.need(count * MIN_BLOCK_BYTES);
  const blocks: BlockSummary[] = [];
  for (let i = 0; i < count; i += 1) blocks.push(readBlock(reader));
  if (reader.remaining > 0) damagedBlock("bytes after the header's end");
  return {
    node,
    epoch,
    service,
    imported,
    firstSeq,
    lastSeq,
    firstT,
    lastT,
    closed,
    firstArrivalMs,
    batchCount,
    blocks,
  };
}

function readBlock(reader: ByteReader): BlockSummary {
  const kind = reader.byte();
  if (kind > BlockKind.rest) damagedBlock("a block of unknown kind");
  const log = kind === BlockKind.log ? reader.lengthAndText("a log", MAX_TEXT) : "";
  const count = reader.varint();
  const byteCount = reader.varint();
  const firstOffset = reader.varint();
  const firstT = reader.float64() as Hlc;
  const lastT = reader.float64() as Hlc;
  const numberCount = reader.varint();
  const least = numberCount === 0 ? 0 : reader.float64();
  const greatest = numberCount === 0 ? 0 : reader.float64();
  return { kind, log, count, byteCount, firstOffset, firstT, lastT, numberCount, least, greatest };
}

/** What is missing when a block of a segment cannot be read. */
export function damagedBlockOf(segment: StoredBatch, index: number): DamagedRange {
  const { firstSeq, blocks } = decodeSegmentHeader(segment.bytes);
  const block = blocks[index];
  if (block === undefined) return damagedBlock("a block that its header does not name");
  const first = firstSeq + block.firstOffset;
  return {
    epochId: segment.epochId,
    first,
    last: segment.lastSeq,
    firstT: block.firstT,
    lastT: block.lastT,
    block: {
      log: block.kind === BlockKind.log ? block.log : undefined,
      messages: block.kind === BlockKind.messages,
      eventCount: block.count,
    },
  };
}
