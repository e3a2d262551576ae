/**
 * A transaction while it is put together: what will be put and removed, what readers' memory learns of it, and
 * what an item must know of those before it in the group. Nothing is on the disk before `commit`.
 */
import { type Hlc, MAX_HLC } from "../../agent/kernel/index.ts";
import { type Environment, keysIn } from "./environment.ts";
import type {
  EpochRecord,
  GoneStretch,
  MessagesGone,
  PrunedEpoch,
  SegmentWrite,
} from "./history-store.ts";
import type { JoinedStretches, MessageClaims } from "./joined.ts";
import type { KeyRange } from "./keys.ts";
import { openRecord, sealRecord } from "./records.ts";

/** What the transactions before left behind. */
export interface Durable {
  readonly joined: JoinedStretches;
  readonly claims: MessageClaims;
  repairCount(epochId: number): number;
  epoch(id: number): EpochRecord | undefined;
  /** The id of the record of that epoch, if there is one. */
  idOf(node: string, epoch: number): number | undefined;
  /** The highest id given to any epoch. */
  readonly highestId: number;
  pruned(epochId: number): PrunedEpoch | undefined;
  readonly messagesGone: MessagesGone | undefined;
  readonly unswept: ReadonlySet<number>;
}

/** What the readers' memory learns when the transaction is durable. */
export interface Outcome {
  readonly epochs: Map<number, EpochRecord>;
  /** Repairs by epoch. */
  readonly repairs: Map<number, number>;
  /** Kind and class of stretches now in use, as `stretchSlot` numbers. */
  readonly stretchSlots: Set<number>;
  /** Stretches whose messages are kept. */
  readonly joined: JoinedStretches;
  readonly marks: Map<number, PrunedEpoch>;
  readonly forgotten: Set<number>;
  readonly gone: readonly GoneStretch[] | undefined;
  readonly messagesGone: MessagesGone | undefined;
  /** Epochs of which nothing pruned is left. */
  readonly swept: Set<number>;
  /** To call when the transaction is durable. */
  readonly told: readonly (() => void)[];
  /** Segments that were not put, because batches of theirs were gone. */
  readonly unsealed: Set<SegmentWrite>;
}

/** A checkpoint of this very transaction, which a repair behind it in the group may take back. */
interface FreshCheckpoint {
  readonly epochId: number;
  readonly t: number;
  readonly keys: readonly Buffer[];
}

/** Tiles of this very transaction: as above. */
interface FreshTile {
  readonly epochId: number;
  readonly end: number;
  readonly key: Buffer;
}

export class TransactionDraft {
  readonly db: Environment;
  readonly durable: Durable;
  outcome: Outcome;
  freshCheckpoints: FreshCheckpoint[] = [];
  freshTiles: FreshTile[] = [];
  /** Keys of stretches of this very transaction, by `from`. */
  freshCells: ReadonlyMap<number, readonly Buffer[]> = new Map();
  readonly #operations: { readonly key: Buffer; readonly record: Buffer | undefined }[] = [];

  constructor(db: Environment, durable: Durable) {
    this.db = db;
    this.durable = durable;
    this.outcome = {
      epochs: new Map(),
      repairs: new Map(),
      stretchSlots: new Set(),
      joined: durable.joined,
      marks: new Map(),
      forgotten: new Set(),
      gone: undefined,
      messagesGone: durable.messagesGone,
      swept: new Set(),
      told: [],
      unsealed: new Set(),
    };
  }

  /** Runs a step that puts an item. If it throws, all that it did here is taken back. */
  whole(step: () => void): void {
    const { outcome, freshCheckpoints, freshTiles, freshCells } = this;
    const count = this.#operations.length;
    this.outcome = copyOf(outcome);
    this.freshCheckpoints = [...freshCheckpoints];
    this.freshTiles = [...freshTiles];
    try {
      step();
    } catch (error) {
      this.outcome = outcome;
      this.freshCheckpoints = freshCheckpoints;
      this.freshTiles = freshTiles;
      this.freshCells = freshCells;
      this.#operations.length = count;
      throw error;
    }
  }

  put(key: Buffer, ...parts: readonly Uint8Array[]): void {
    this.#operations.push({ key, record: sealRecord(key, ...parts) });
  }

  remove(key: Buffer): void {
    this.#operations.push({ key, record: undefined });
  }

  /** Whether there will be a record under the key: on the disk, or put by this group, and not removed by it. */
  has(key: Buffer): boolean {
    const last = this.#operations.findLast((one) => one.key.equals(key));
    return last === undefined ? this.db.doesExist(key) : last.record !== undefined;
  }

  /** As `has`, of what is under a key; undefined: nothing, or nothing that can be read. */
  payloadAt(key: Buffer): Buffer | undefined {
    const last = this.#operations.findLast((one) => one.key.equals(key));
    const record = last === undefined ? this.db.getBinary(key) : last.record;
    return record && openRecord(key, record);
  }

  /** Keys on the disk. */
  keysIn(range: KeyRange, reverse = false): Iterable<Buffer> {
    return keysIn(this.db, range, reverse);
  }

  epoch(id: number): EpochRecord | undefined {
    return this.outcome.epochs.get(id) ?? this.durable.epoch(id);
  }

  /** The last time of an epoch; of one that is not known, the last there is. */
  lastOf(epochId: number): Hlc {
    return this.epoch(epochId)?.lastT ?? MAX_HLC;
  }

  markOf(epochId: number): PrunedEpoch | undefined {
    return this.outcome.marks.get(epochId) ?? this.durable.pruned(epochId);
  }

  /** Its id was given, and it has no record: what is worked out of it now nobody would ever remove. */
  isForgotten(epochId: number): boolean {
    const { epochs, forgotten } = this.outcome;
    if (epochs.has(epochId)) return false;
    if (forgotten.has(epochId)) return true;
    return epochId <= this.durable.highestId && this.durable.epoch(epochId) === undefined;
  }

  repairCount(epochId: number): number {
    return this.durable.repairCount(epochId) + (this.outcome.repairs.get(epochId) ?? 0);
  }

  /** Resolves when the group is on disk, all or nothing. Call once. */
  async commit(): Promise<void> {
    const ignore = () => {};
    await this.db.batch(() => {
      for (const { key, record } of this.#operations) {
        // Each settles with the batch, whose promise is the one waited for.
        if (record === undefined) this.db.remove(key).catch(ignore);
        else this.db.put(key, record).catch(ignore);
      }
    });
    await this.db.flushed;
  }
}

function copyOf(outcome: Outcome): Outcome {
  return {
    ...outcome,
    epochs: new Map(outcome.epochs),
    repairs: new Map(outcome.repairs),
    stretchSlots: new Set(outcome.stretchSlots),
    marks: new Map(outcome.marks),
    forgotten: new Set(outcome.forgotten),
    swept: new Set(outcome.swept),
    unsealed: new Set(outcome.unsealed),
  };
}
