/**
 * What the LMDB store keeps in memory of what is on the disk, so that asking costs nothing: epochs, how
 * far they are pruned, which messages are joined. Read at opening, and renewed when a transaction is
 * durable, never before: what it says is on the disk.
 *
 * Two things are of this process alone and outlive a file that is opened anew: how often each epoch was
 * repaired, and the claims of those who join messages just now.
 */
import type {
  EpochRecord,
  MessagesGone,
  PrunedEpoch,
  PruneWrite,
  SegmentWrite,
} from "./history-store.ts";
import { JoinedStretches, MessageClaims } from "./joined.ts";
import { PruneMarks } from "./prune-marks.ts";
import type { LmdbReader } from "./reader.ts";
import type { Durable, Outcome } from "./transaction-draft.ts";
import type { WriteItem } from "./write-item.ts";

export class ReadersMemory implements Durable {
  readonly claims: MessageClaims = new MessageClaims();
  readonly #repairs = new Map<number, number>();
  #epochs = new Map<number, EpochRecord>();
  /** Ids by epoch and node. */
  #ids = new Map<string, number>();
  /** Ascending by id; made anew when a write changed `#epochs`. */
  #epochList: readonly EpochRecord[] | undefined;
  #highestId = 0;
  #marks = new PruneMarks();
  #joined = new JoinedStretches();
  /** Of the last groups: segments that were refused, until their callers have heard of it. */
  readonly #unsealed = new Set<SegmentWrite>();

  get epochs(): readonly EpochRecord[] {
    this.#epochList ??= [...this.#epochs.values()].sort((a, b) => a.id - b.id);
    return this.#epochList;
  }

  get highestId(): number {
    return this.#highestId;
  }

  get marks(): PruneMarks {
    return this.#marks;
  }

  get unswept(): ReadonlySet<number> {
    return this.#marks.unswept;
  }

  get messagesGone(): MessagesGone | undefined {
    return this.#marks.messagesGone;
  }

  get joined(): JoinedStretches {
    return this.#joined;
  }

  epoch(id: number): EpochRecord | undefined {
    return this.#epochs.get(id);
  }

  idOf(node: string, epoch: number): number | undefined {
    return this.#ids.get(`${epoch}/${node}`);
  }

  nextId(): number {
    this.#highestId += 1;
    return this.#highestId;
  }

  pruned(epochId: number): PrunedEpoch | undefined {
    return this.#marks.get(epochId);
  }

  repairCount(epochId: number): number {
    return this.#repairs.get(epochId) ?? 0;
  }

  /** Reads it all from a file that was just opened. */
  load(reader: LmdbReader): void {
    this.#epochs = reader.loadEpochs();
    this.#epochList = undefined;
    this.#joined = new JoinedStretches(reader.loadMessageStretches());
    this.#ids = new Map();
    for (const { id, node, epoch } of this.#epochs.values()) {
      this.#ids.set(`${epoch}/${node}`, id);
      this.#highestId = Math.max(this.#highestId, id);
    }
    this.#highestId = Math.max(this.#highestId, reader.lastForgottenId());
    this.#marks = reader.loadMarks();
  }

  /** A transaction is durable. */
  learn(outcome: Outcome): void {
    for (const [id, record] of outcome.epochs) {
      this.#epochs.set(id, record);
      this.#ids.set(`${record.epoch}/${record.node}`, id);
    }
    for (const id of outcome.forgotten) {
      const record = this.#epochs.get(id);
      if (record !== undefined) this.#ids.delete(`${record.epoch}/${record.node}`);
      this.#epochs.delete(id);
      this.#repairs.delete(id);
    }
    if (outcome.epochs.size + outcome.forgotten.size > 0) this.#epochList = undefined;
    for (const mark of outcome.marks.values()) this.#marks.set(mark);
    for (const id of outcome.swept) this.#marks.swept(id, !this.#epochs.has(id));
    if (outcome.gone !== undefined) this.#marks.setGone(outcome.gone);
    this.#marks.setMessagesGone(outcome.messagesGone);
    this.countRepairs(outcome);
    this.#joined = outcome.joined;
    for (const write of outcome.unsealed) this.#unsealed.add(write);
  }

  /** Of a write that was rejected, too: it may be on the disk all the same. */
  countRepairs({ repairs }: Outcome): void {
    for (const [id, count] of repairs) this.#repairs.set(id, this.repairCount(id) + count);
  }

  /** Whether a segment whose write is over was put. Asked once. */
  wasSealed(write: SegmentWrite): boolean {
    return !this.#unsealed.delete(write);
  }

  /** A claim made while this was on its way was joined without it: broken as those made before. */
  breakClaims(group: readonly WriteItem[]): void {
    for (const item of group) {
      if (item.kind !== "write") continue;
      for (const { firstT, lastT } of item.write.batches) this.claims.breakTouching(firstT, lastT);
    }
  }

  /** What is being joined of times that are to go must not be kept. */
  breakClaimsBefore({ epochs, forget }: PruneWrite): void {
    let until = Number.NEGATIVE_INFINITY;
    for (const { t } of epochs) until = Math.max(until, t);
    for (const id of forget) until = Math.max(until, this.#epochs.get(id)?.lastT ?? 0);
    this.claims.breakTouching(Number.NEGATIVE_INFINITY, until);
  }
}
