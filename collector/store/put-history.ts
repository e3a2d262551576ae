/**
 * Puts history itself into a transaction: batches with the records of their epochs and what was seen in them,
 * and segments, which take the place of batches.
 */
import { RetroError } from "../../agent/kernel/index.ts";
import type { EpochRecord, SegmentWrite, StoredBatch, StoreWrite } from "./history-store.ts";
import {
  batchKey,
  blockKey,
  epochKey,
  logKey,
  SLOW_MESSAGE,
  seqKey,
  stretchKey,
  VIOLATION,
} from "./keys.ts";
import { dropMessages, repair } from "./put-derived.ts";
import { putSideBlock } from "./put-side.ts";
import { BATCH_PREFIX_BYTES, batchPrefix, encodeEpoch, encodeLog } from "./records.ts";
import { isSegment } from "./segment-header.ts";
import { stretchClass, stretchSlot } from "./stretches.ts";
import type { TransactionDraft } from "./transaction-draft.ts";

export class HistoryPutter {
  readonly #draft: TransactionDraft;
  /** Ids by epoch and node, of epochs that this group brings. */
  readonly #idsOfNew = new Map<string, number>();

  constructor(draft: TransactionDraft) {
    this.#draft = draft;
  }

  write(write: StoreWrite): void {
    const draft = this.#draft;
    for (const record of write.epochs) this.#epoch(record);
    for (const batch of write.batches) {
      this.#batch(batch);
      draft.durable.claims.breakTouching(batch.firstT, batch.lastT);
      dropMessages(draft, draft.outcome.joined.touching(batch.firstT, batch.lastT));
    }
    for (const violation of write.violations) {
      const { receiveT, sendT, receive } = violation;
      this.#stretch(VIOLATION, receiveT, sendT, receive, violation);
    }
    for (const message of write.slowMessages) {
      const { receiveT, sendT, receive } = message;
      this.#stretch(SLOW_MESSAGE, sendT, receiveT, receive, message);
    }
    for (const { epochId, fromT } of write.staleCheckpoints) repair(draft, epochId, fromT);
    for (const block of write.sideBlocks ?? []) putSideBlock(draft, block);
  }

  /** All of the batches must be there still, and served: what was removed meanwhile must not come back. */
  segment(write: SegmentWrite): void {
    const draft = this.#draft;
    const { segment, blocks, isRewritten = false } = write;
    const isPruned = (draft.markOf(segment.epochId)?.seq ?? 0) >= segment.firstSeq;
    const replaced = write.replaced.map(({ first, last, ...rest }) => {
      return { ...rest, firstSeq: first, lastSeq: last };
    });
    // A batch that became a segment meanwhile lacks what was erased: it must not come back.
    const isThere = (batch: (typeof replaced)[number]): boolean => {
      const payload = draft.payloadAt(batchKey(batch));
      return (
        payload !== undefined && isSegment(payload.subarray(BATCH_PREFIX_BYTES)) === isRewritten
      );
    };
    if (isPruned || !replaced.every(isThere)) {
      draft.outcome.unsealed.add(write);
      return;
    }
    for (const batch of replaced) {
      draft.remove(batchKey(batch));
      draft.remove(seqKey(batch));
    }
    // The same events as before: what was joined or counted of them holds.
    this.#batch(segment);
    for (const [index, bytes] of blocks.entries()) {
      draft.put(blockKey(segment.epochId, segment.firstSeq, index), bytes);
    }
  }

  #epoch(record: EpochRecord): void {
    const draft = this.#draft;
    const { id, node, epoch, logs } = record;
    const known = draft.epoch(id);
    if (known === undefined) this.#refuseSecond(id, node, epoch);
    draft.put(epochKey(id), encodeEpoch(record));
    if (logs !== known?.logs) {
      for (const [log, one] of Object.entries(logs)) {
        if (one !== known?.logs[log]) draft.put(logKey(id, log), encodeLog(log, one));
      }
    }
    draft.outcome.epochs.set(id, record);
  }

  /** Two records of one epoch would show each of its events twice. */
  #refuseSecond(id: number, node: string, epoch: number): void {
    const name = `${epoch}/${node}`;
    const fresh = this.#idsOfNew.get(name);
    // One that was given up with its item does not count.
    const isFresh = fresh !== undefined && this.#draft.outcome.epochs.has(fresh);
    const first = isFresh ? fresh : this.#draft.durable.idOf(node, epoch);
    this.#idsOfNew.set(name, isFresh ? fresh : id);
    if (first === undefined || first === id) return;
    throw new RetroError("internal", `epoch ${epoch} of ${node} has the id ${first}, not ${id}`);
  }

  #batch(batch: StoredBatch): void {
    this.#draft.put(batchKey(batch), batchPrefix(batch.arrivalMs), batch.bytes);
    this.#draft.put(seqKey(batch));
  }

  #stretch(
    kind: number,
    start: number,
    end: number,
    receive: { readonly node: string; readonly epoch: number; readonly seq: number },
    record: object,
  ): void {
    const ofClass = stretchClass(Math.max(0, end - start));
    this.#draft.outcome.stretchSlots.add(stretchSlot(kind, ofClass));
    const key = stretchKey(kind, ofClass, start, end, receive);
    this.#draft.put(key, Buffer.from(JSON.stringify(record)));
  }
}
