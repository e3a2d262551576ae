/** Segments made of batches, in the hand: for tests of the codec, without a store. */
import { type Batch, decodeBatch, encodeBatch } from "../../agent/kernel/index.ts";
import type {
  BlockSource,
  SegmentWrite,
  StoredBatch,
} from "../../collector/store/history-store.ts";
import { SegmentBuilder } from "../../collector/store/segment-builder.ts";

/** A batch as ingest would store it. */
export function stored(batch: Batch, epochId = 1, arrivalMs = 1_000): StoredBatch {
  const { firstSeq, lastSeq, firstT, lastT } = batch.header;
  const bytes = encodeBatch(batch);
  return { epochId, firstSeq, lastSeq, firstT, lastT, arrivalMs, bytes };
}

/** The segment of consecutive batches of one epoch. */
export function sealed(batches: readonly StoredBatch[]): SegmentWrite {
  const builder = new SegmentBuilder();
  for (const one of batches) builder.add(one, decodeBatch(one.bytes));
  const work = builder.finish();
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}

/** The blocks of a segment in the hand; those spoilt cannot be read. */
export function blocksOf({ blocks }: SegmentWrite, spoilt: readonly number[] = []): BlockSource {
  return { block: (_segment, index) => (spoilt.includes(index) ? undefined : blocks[index]) };
}
