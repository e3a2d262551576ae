/**
 * Side blocks on the wire: between header and events, so that they are read without the events. A batch
 * without any has not even their number (flag in wire.ts): its bytes are those of a writer that knows none.
 *
 *     count, at least 1
 *     each       stream (byte), second, part, length (varints), bytes
 */
import type { ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import { checkSideBlock, SIDE_STREAMS, type SideBlock } from "./side-block.ts";
import { badBatch, checkLimit, WIRE_LIMITS } from "./wire-limits.ts";

/** @throws RetroError `bad-batch`, `too-large` */
export function writeSideBlocks(out: ByteWriter, blocks: readonly SideBlock[]): void {
  checkSideBlocks(blocks);
  out.varint(blocks.length);
  for (const { stream, second, part, bytes } of blocks) {
    out.byte(SIDE_STREAMS.indexOf(stream));
    out.varint(second);
    out.varint(part);
    out.varint(bytes.length);
    out.raw(bytes);
  }
}

/** The blocks; their bytes are copies, so that they do not hold the batch. */
export function readSideBlocks(reader: ByteReader): SideBlock[] {
  const count = reader.varint();
  checkLimit("side blocks", count, WIRE_LIMITS.sideBlocks);
  if (count === 0) badBatch("side blocks announced, but none");
  const blocks: SideBlock[] = [];
  for (let i = 0; i < count; i += 1) {
    const stream = SIDE_STREAMS[reader.byte()] ?? badBatch("a side block of no known stream");
    const second = reader.varint();
    const part = reader.varint();
    const length = reader.varint();
    reader.need(length);
    const bytes = reader.bytes.slice(reader.pos, reader.pos + length);
    reader.pos += length;
    blocks.push({ stream, second, part, bytes });
  }
  checkSideBlocks(blocks);
  return blocks;
}

function checkSideBlocks(blocks: readonly SideBlock[]): void {
  checkLimit("side blocks", blocks.length, WIRE_LIMITS.sideBlocks);
  const seen = new Set<string>();
  for (const block of blocks) {
    checkSideBlock(block);
    if (!SIDE_STREAMS.includes(block.stream)) badBatch(`a side block of stream ${block.stream}`);
    seen.add(`${block.stream}/${block.second}/${block.part}`);
  }
  if (seen.size !== blocks.length) badBatch("a side block twice");
}
