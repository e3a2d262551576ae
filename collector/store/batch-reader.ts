/**
 * Batches of the LMDB store, and segments, which stand where their batches stood.
 *
 * The keys lead a walk, and a damaged key leads astray: it stands where it does not belong, or is not met
 * at all. The index by seq is the second witness: of seqs that a walk passes over it says whether a batch
 * should hold them. What cannot be read is skipped, told of, and a lost range to readers (record-reader.ts).
 */
import type { Hlc } from "../../agent/kernel/index.ts";
import type { StoredBatch, StoredPiece, UncheckedBlock } from "./history-store.ts";
import {
  allBatches,
  batchesBeginning,
  batchKey,
  batchKeyOfSeqKey,
  batchOfKey,
  blockKey,
  HIGHEST_KEY_NUMBER,
  LOWEST_KEY_NUMBER,
  seqsFrom,
} from "./keys.ts";
import { plainBytes, type RecordReader } from "./record-reader.ts";
import { BATCH_PREFIX_BYTES } from "./records.ts";
import { damagedBlockOf, decodeSegmentHeader, isSegment } from "./segment-header.ts";

export class BatchReader {
  readonly #records: RecordReader;

  constructor(records: RecordReader) {
    this.#records = records;
  }

  *within(
    epochId: number,
    { from, to, reverse }: { readonly from: Hlc; readonly to: Hlc; readonly reverse?: boolean },
  ): Iterable<StoredBatch> {
    if (reverse === true) yield* this.#backwards(epochId, from, to);
    else yield* this.#forwards(epochId, from, to);
  }

  *#forwards(epochId: number, from: Hlc, to: Hlc): Iterable<StoredBatch> {
    let start: number = from;
    let lastSeq = 0;
    // Of the batches that begin before `from`, the last may reach into the range.
    for (const key of this.#records.keys(
      batchesBeginning(epochId, LOWEST_KEY_NUMBER, from),
      true,
    )) {
      // A key of ours is known to the index, or its record is whole: that of the index may be damaged, too.
      if (!this.#records.isIndexed(key) && this.#records.readIfWhole(key) === undefined) continue;
      const range = batchOfKey(key);
      if (range.lastT < from) {
        lastSeq = range.last;
        break;
      }
      start = range.firstT;
    }
    for (const key of this.#records.keys(batchesBeginning(epochId, start, to))) {
      const range = batchOfKey(key);
      if (range.lastT < from) continue;
      const batch = this.#records.batch(key);
      // A key whose record cannot be read may be no key of ours: then its place is a gap.
      if (batch === undefined && !this.#records.isIndexed(key)) continue;
      if (range.first > lastSeq + 1)
        yield* this.#indexed(epochId, lastSeq + 1, range.first, { from, to });
      lastSeq = Math.max(lastSeq, range.last);
      if (batch !== undefined) yield batch;
    }
    yield* this.#indexed(epochId, lastSeq + 1, HIGHEST_KEY_NUMBER, { from, to });
  }

  *#backwards(epochId: number, from: Hlc, to: Hlc): Iterable<StoredBatch> {
    let nextSeq: number = HIGHEST_KEY_NUMBER;
    for (const key of this.#records.keys(batchesBeginning(epochId, LOWEST_KEY_NUMBER, to), true)) {
      const batch = this.#records.batch(key);
      if (batch === undefined && !this.#records.isIndexed(key)) continue;
      const { last, lastT, first } = batchOfKey(key);
      if (last + 1 < nextSeq) yield* this.#indexed(epochId, last + 1, nextSeq, { from, to }, true);
      if (lastT < from) return;
      nextSeq = first;
      if (batch !== undefined) yield batch;
    }
    if (nextSeq > 1) yield* this.#indexed(epochId, 1, nextSeq, { from, to }, true);
  }

  /**
   * What the index by seq knows of [seq, before), of batches that begin by `to`. What cannot be read is noted
   * as damaged; what can be was passed over by a walk led astray, or came after it had begun.
   */
  *#indexed(
    epochId: number,
    seq: number,
    before: number,
    times: { readonly from: number; readonly to: number },
    reverse = false,
  ): Iterable<StoredBatch> {
    const keys: Buffer[] = [];
    for (const key of this.#records.keys(seqsFrom(epochId, seq))) {
      // A damaged entry names what never was; the batch it was of stands under a key that is right.
      if (this.#records.read(key) === undefined) continue;
      const found = batchKeyOfSeqKey(key);
      const { first, firstT, lastT } = batchOfKey(found);
      if (first >= before || firstT > times.to) break;
      if (lastT >= times.from) keys.push(found);
    }
    if (reverse) keys.reverse();
    for (const key of keys) {
      const batch = this.#records.batch(key);
      if (batch !== undefined) yield batch;
    }
  }

  withSeq(epochId: number, seq: number): StoredBatch | undefined {
    const key = this.#records.firstKey(seqsFrom(epochId, seq));
    if (key === undefined) return undefined;
    if (this.#records.read(key) === undefined) return this.#withSeqByScan(epochId, seq);
    const found = batchKeyOfSeqKey(key);
    return batchOfKey(found).first <= seq ? this.#records.batch(found) : undefined;
  }

  /** A block; one that is damaged is named by what its segment's header says of it. */
  block(segment: StoredBatch, index: number): Uint8Array | undefined {
    const { epochId, firstSeq } = segment;
    const key = blockKey(epochId, firstSeq, index);
    const payload = this.#records.readIfWhole(key);
    if (payload !== undefined) return plainBytes(payload);
    // Gone with its whole segment, since the header was read: no damage.
    if (!this.#records.exists(key) && !this.#records.exists(batchKey(segment))) return undefined;
    this.#records.tellDamage("block", key, () => damagedBlockOf(segment, index));
    return undefined;
  }

  uncheckedBlock({ epochId, firstSeq }: StoredBatch, index: number): UncheckedBlock | undefined {
    const key = blockKey(epochId, firstSeq, index);
    const record = this.#records.unchecked(key);
    return record && { key: plainBytes(key), record: plainBytes(record) };
  }

  /** For the day when the index itself is damaged. */
  #withSeqByScan(epochId: number, seq: number): StoredBatch | undefined {
    for (const key of this.#records.keys(allBatches(epochId))) {
      const { first, last } = batchOfKey(key);
      if (first <= seq && seq <= last) return this.#records.batch(key);
    }
    return undefined;
  }

  *pieces(epochId: number, seq: number): Iterable<StoredPiece> {
    for (const key of this.#records.keys(seqsFrom(epochId, seq + 1))) {
      const batch = batchKeyOfSeqKey(key);
      const { first, last, firstT, lastT } = batchOfKey(batch);
      const payload = this.#records.read(batch);
      const arrivalMs = payload?.readDoubleLE(0) ?? 0;
      const byteCount = payload === undefined ? 0 : payload.length + blockBytesOf(payload);
      yield { first, last, firstT, lastT, arrivalMs, byteCount };
    }
  }
}

/** What the blocks of a segment take beside its header. */
function blockBytesOf(payload: Buffer): number {
  const bytes = payload.subarray(BATCH_PREFIX_BYTES);
  if (!isSegment(bytes)) return 0;
  return decodeSegmentHeader(bytes).blocks.reduce((sum, { byteCount }) => sum + byteCount, 0);
}
