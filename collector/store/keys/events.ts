/** Keys of batches, and of segments in their place; and the index that finds both by seq. */
import type { Hlc } from "../../../agent/kernel/index.ts";
import type { DamagedRange, StoredBatch } from "../history-store.ts";
import {
  BATCH,
  BLOCK,
  epochPrefix,
  HIGHEST,
  type KeyRange,
  LOWEST,
  readI53,
  SEQ,
  writeI53,
} from "./bytes.ts";

const BATCH_KEY_BYTES = 37;

export function batchKey(batch: Omit<StoredBatch, "bytes" | "arrivalMs">): Buffer {
  const key = epochPrefix(BATCH, batch.epochId, BATCH_KEY_BYTES);
  writeI53(key, 5, batch.firstT);
  writeI53(key, 13, batch.firstSeq);
  writeI53(key, 21, batch.lastT);
  writeI53(key, 29, batch.lastSeq);
  return key;
}

/** The range that a batch's key names. */
export function batchOfKey(key: Buffer): DamagedRange {
  return {
    epochId: key.readUInt32BE(1),
    firstT: readI53(key, 5) as Hlc,
    first: readI53(key, 13),
    lastT: readI53(key, 21) as Hlc,
    last: readI53(key, 29),
  };
}

/** Batches of an epoch that begin in [from, to]. */
export function batchesBeginning(epochId: number, from: number, to: number): KeyRange {
  const first = epochPrefix(BATCH, epochId, 13);
  writeI53(first, 5, from);
  const last = Buffer.alloc(BATCH_KEY_BYTES, 0xff);
  epochPrefix(BATCH, epochId, 5).copy(last);
  writeI53(last, 5, to);
  return { first, last };
}

export function allBatches(epochId: number): KeyRange {
  return batchesBeginning(epochId, LOWEST, HIGHEST);
}

export function seqKey(batch: Omit<StoredBatch, "bytes" | "arrivalMs">): Buffer {
  const key = epochPrefix(SEQ, batch.epochId, BATCH_KEY_BYTES);
  writeI53(key, 5, batch.lastSeq);
  writeI53(key, 13, batch.firstT);
  writeI53(key, 21, batch.firstSeq);
  writeI53(key, 29, batch.lastT);
  return key;
}

/** The batch's key that a seq key points to. */
export function batchKeyOfSeqKey(key: Buffer): Buffer {
  return batchKey({
    epochId: key.readUInt32BE(1),
    lastSeq: readI53(key, 5),
    firstT: readI53(key, 13) as Hlc,
    firstSeq: readI53(key, 21),
    lastT: readI53(key, 29) as Hlc,
  });
}

/** Seq keys of the batches of an epoch that end at or after `seq`. */
export function seqsFrom(epochId: number, seq: number): KeyRange {
  const first = epochPrefix(SEQ, epochId, 13);
  writeI53(first, 5, seq);
  const last = Buffer.alloc(BATCH_KEY_BYTES, 0xff);
  epochPrefix(SEQ, epochId, 5).copy(last);
  return { first, last };
}

export function blockKey(epochId: number, firstSeq: number, index: number): Buffer {
  const key = epochPrefix(BLOCK, epochId, 17);
  writeI53(key, 5, firstSeq);
  key.writeUInt32BE(index, 13);
  return key;
}

/** What a block's key names. */
export function placeOfBlockKey(key: Buffer): { epochId: number; firstSeq: number; index: number } {
  return { epochId: key.readUInt32BE(1), firstSeq: readI53(key, 5), index: key.readUInt32BE(13) };
}

/** All blocks of the segment that begins at that seq. */
export function blocksOf(epochId: number, firstSeq: number): KeyRange {
  return { first: blockKey(epochId, firstSeq, 0), last: blockKey(epochId, firstSeq, 0xffffffff) };
}
