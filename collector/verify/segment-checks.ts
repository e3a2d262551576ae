/** What is to be true of a segment: all its blocks are there, and each is the one that its header names. */
import { RetroError } from "../../agent/kernel/index.ts";
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
import type { WalkContext } from "./walk-context.ts";

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
    const range = { first, last, firstT: block.firstT, lastT: block.lastT };
    walk.note("block", "missing", `${nameOf(block)} is not there, or not as its header says`, {
      epochId,
      range,
      key: blockKey(epochId, first, index),
    });
  }
  return rows.events.count;
}

function nameOf({ kind, log }: BlockSummary): string {
  if (kind === BlockKind.log) return `the block of log ${log}`;
  return kind === BlockKind.messages ? "the block of messages" : "the block of other events";
}

/** A block belongs to a segment that names it; what is in it was read with its header. */
export function checkBlock(walk: WalkContext, key: Buffer): void {
  const { epochId, firstSeq, index } = placeOfBlockKey(key);
  const header = segmentAt(walk, epochId, firstSeq);
  if (header !== undefined && index < header.blocks.length) return;
  throw new RetroError(
    "data-damaged",
    `the segment that it belongs to, from seq ${firstSeq}, is not there`,
  );
}

function segmentAt(
  walk: WalkContext,
  epochId: number,
  firstSeq: number,
): SegmentHeader | undefined {
  for (const { key } of walk.store.records(seqsFrom(epochId, firstSeq))) {
    const place = batchKeyOfSeqKey(key);
    const record = walk.store.get(place);
    const payload = record && openRecord(place, record);
    const bytes = payload?.subarray(BATCH_PREFIX_BYTES);
    if (bytes === undefined || batchOfKey(place).first !== firstSeq) return undefined;
    return isSegment(bytes) ? decodeSegmentHeader(bytes) : undefined;
  }
  return undefined;
}
