/**
 * Puts one group of writes into an LMDB transaction, and says what it changed for the readers'
 * memory once it is durable.
 *
 *     write-item.ts                    put-history.ts     batches, epochs, segments        transaction-draft.ts
 *     what may be written    --add-->  put-derived.ts     checkpoints, tiles, messages     --commit-->  disk
 *                                      put-pruning.ts     marks, and what they cover
 *
 * All keys and records are made before anything is put: an item that cannot be written (`add` throws)
 * leaves no trace in the group, and nothing that went wrong here is taken for a failure of the disk.
 */
import type { Environment } from "./environment.ts";
import type { CapturesWrite, MonitorsWrite, SavedWrite } from "./history-store.ts";
import { captureKey, monitorKey, savedKey } from "./keys.ts";
import { putCheckpoint, putMessages, putTiles, thinCheckpoints } from "./put-derived.ts";
import { HistoryPutter } from "./put-history.ts";
import { putPrune, putSweep } from "./put-pruning.ts";
import { putSideRemoval } from "./put-side.ts";
import { type Durable, type Outcome, TransactionDraft } from "./transaction-draft.ts";
import type { WriteItem } from "./write-item.ts";

export class TransactionBuilder {
  readonly #draft: TransactionDraft;
  readonly #history: HistoryPutter;

  constructor(db: Environment, durable: Durable) {
    this.#draft = new TransactionDraft(db, durable);
    this.#history = new HistoryPutter(this.#draft);
  }

  get outcome(): Outcome {
    return this.#draft.outcome;
  }

  /** Takes an item in, whole or not at all. Throws if it cannot be written. */
  add(item: WriteItem): void {
    this.#draft.whole(() => this.#put(item));
  }

  /** Resolves when the group is on disk, all or nothing. Call once. */
  commit(): Promise<void> {
    return this.#draft.commit();
  }

  #put(item: WriteItem): void {
    const draft = this.#draft;
    if (item.kind === "write") this.#history.write(item.write);
    else if (item.kind === "checkpoint") putCheckpoint(draft, item.checkpoint);
    else if (item.kind === "tiles") putTiles(draft, item.write);
    else if (item.kind === "messages") putMessages(draft, item.claim, item.cells);
    else if (item.kind === "captures") this.#numbered(captureKey, item.write);
    else if (item.kind === "monitors") this.#numbered(monitorKey, item.write);
    else if (item.kind === "saved") this.#saved(item.write);
    else if (item.kind === "prune") putPrune(draft, item.write);
    else if (item.kind === "sweep") putSweep(draft, item.options, item.tell);
    else if (item.kind === "segment") this.#history.segment(item.write);
    else if (item.kind === "side-removal") putSideRemoval(draft, item.removal, item.tell);
    else thinCheckpoints(draft, item.thinning);
  }

  #numbered(
    keyOf: (number: number) => Buffer,
    { put, remove }: CapturesWrite | MonitorsWrite,
  ): void {
    for (const { number, body } of put) {
      this.#draft.put(keyOf(number), Buffer.from(JSON.stringify(body)));
    }
    for (const number of remove) this.#draft.remove(keyOf(number));
  }

  #saved({ put, remove }: SavedWrite): void {
    const draft = this.#draft;
    for (const { number, label, bytes } of put) {
      draft.put(savedKey(number, "label"), Buffer.from(JSON.stringify([bytes.length, label])));
      draft.put(savedKey(number, "bytes"), bytes);
    }
    for (const number of remove) {
      draft.remove(savedKey(number, "label"));
      draft.remove(savedKey(number, "bytes"));
    }
  }
}
