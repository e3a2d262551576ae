/** What is to be true of a segment: all its blocks are there, and each is the one that its header names. */
import { RetroError } from "../../agent/kernel/index.ts";
import { isErased } from "../store/erased-blocks.ts";
import type { StoredBatch } from "../store/history-store.ts";
import {
  batchKeyOfSeqKey,
  batchOfKey,
  blockKey,
  placeOfBlockKey,
  seqsFrom,
} from "../store/keys.ts";
import { BATCH_PREFIX_BYTES, openRecord } from "../store/records.ts";
import {
  BlockKind,
  type BlockSummary,
  decodeSegmentHeader,
  isSegment,
  type SegmentHeader,
} from "../store/segment-header.ts";
import { readStored } from "../store/segment-reader.ts";
import type { Place, WalkContext } from "./walk-context.ts";

/** The events of a segment that can be read; notes each block that cannot. */
export function readableEvents(walk: WalkContext, key: Buffer, bytes: Uint8Array): number {
  const { epochId, first, last, firstT, lastT } = batchOfKey(key);
  const stored: StoredBatch = {
    ...{ epochId, firstSeq: first, lastSeq: last, firstT, lastT },
    arrivalMs: 0,
    bytes,
  };
  const checked = new Map<number, boolean>();
  const source = {
    block: (_segment: StoredBatch, index: number): Buffer | undefined => {
      const place = blockKey(epochId, first, index);
      const record = walk.store.get(place);
      const payload = record && openRecord(place, record);
      checked.set(index, record !== undefined && payload === undefined);
      return payload;
    },
  };
  const { rows, damaged, damagedIndexes } = readStored(stored, source);
  for (const [i, index] of damagedIndexes.entries()) {
    // One whose checksum does not hold is told of when the walk meets its record.
    if (checked.get(index) === true) continue;
    const block = damaged[i] as BlockSummary;
    // By order: nothing is to be there.
    if (isErased(block)) continue;
    const detail = `${nameOf(block)} is not there, or not as its header says`;
    walk.note("block", "missing", detail, placeOfBlock(walk, blockKey(epochId, first, index)));
  }
  return rows.events.count;
}

function nameOf({ kind, log }: BlockSummary): string {
  if (kind === BlockKind.log) return `the block of log ${log}`;
  return kind === BlockKind.messages ? "the block of messages" : "the block of other events";
}

/** A block belongs to a segment that names it; what is in it was read with its header. */
export function checkBlock(walk: WalkContext, key: Buffer): void {
  const { firstSeq, index } = placeOfBlockKey(key);
  const blocks = segmentOf(walk, key)?.header?.blocks;
  if (blocks !== undefined && index < blocks.length) return;
  throw new RetroError(
    "data-damaged",
    `the segment that it belongs to, from seq ${firstSeq}, is not there`,
  );
}

/** The events that a block may hold: from its first one, if the segment's header can be read, to the last. */
export function placeOfBlock(walk: WalkContext, key: Buffer): Place {
  const { epochId, firstSeq, index } = placeOfBlockKey(key);
  const segment = segmentOf(walk, key);
  if (segment === undefined) return { epochId, key };
  const { first, last, firstT, lastT } = batchOfKey(segment.key);
  const block = segment.header?.blocks[index];
  const range =
    block === undefined
      ? { first, last, firstT, lastT }
      : { first: firstSeq + block.firstOffset, last, firstT: block.firstT, lastT: block.lastT };
  return { epochId, range, key };
}

/** What the index by seq names where a block's segment begins. */
function segmentOf(
  walk: WalkContext,
  blockKeyBytes: Buffer,
): { readonly key: Buffer; readonly header: SegmentHeader | undefined } | undefined {
  const { epochId, firstSeq } = placeOfBlockKey(blockKeyBytes);
  for (const { key } of walk.store.records(seqsFrom(epochId, firstSeq))) {
    const place = batchKeyOfSeqKey(key);
    if (batchOfKey(place).first !== firstSeq) return undefined;
    const record = walk.store.get(place);
    const bytes = (record && openRecord(place, record))?.subarray(BATCH_PREFIX_BYTES);
    const isReadable = bytes !== undefined && isSegment(bytes);
    return { key: place, header: isReadable ? decodeSegmentHeader(bytes) : undefined };
  }
  return undefined;
}
