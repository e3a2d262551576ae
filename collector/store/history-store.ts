/**
 * The history store port: durable batches, what is known of each epoch, and checkpoints.
 *
 * The collector writes through one caller at a time (ingest); readers may read at any time and see
 * whole transactions only. Adapters: lmdb-store.ts, memory-store.ts. Contract: every adapter's test
 * calls test/collector/store/history-store.contract.ts.
 *
 *     node "n1"  --->  EpochRecord 7 (n1, epoch 216...)  --->  batches by (epochId, firstT, firstSeq)
 *                                                        --->  directories and checkpoints by (epochId, t)
 *
 * Within an epoch seq order is time order and a commit is never split over batches, so batches in
 * order of firstSeq are in order of firstT too, and their ranges [firstSeq, lastSeq] are disjoint:
 * ingest stores an event once.
 *
 * Here are the promises; what goes in and comes out is in port/, by subject.
 */
import type { Hlc, RetroError } from "../../agent/kernel/index.ts";
import type {
  CheckpointThinning,
  CheckpointWrite,
  DirectoryRecord,
  TilesWrite,
} from "./port/derived.ts";
import type { EpochRecord } from "./port/epochs.ts";
import type {
  BlockSource,
  DamagedRange,
  SegmentWrite,
  StoredBatch,
  StoredPiece,
  UncheckedBlock,
} from "./port/events.ts";
import type {
  MessageCell,
  MessageStretch,
  MessagesGone,
  SlowMessageRecord,
  ViolationRecord,
} from "./port/messages.ts";
import type {
  CapturesWrite,
  MonitorsWrite,
  SavedRecord,
  SavedWrite,
  StoredCapture,
  StoredMonitor,
} from "./port/numbered.ts";
import type {
  GoneStretch,
  PrunedEpoch,
  PruneWrite,
  StoreUsage,
  SweepOptions,
} from "./port/pruning.ts";
import type { SideRange, SideRemoval, StoredSideBlock } from "./port/side.ts";

export type * from "./port/derived.ts";
export type * from "./port/epochs.ts";
export type * from "./port/events.ts";
export type * from "./port/messages.ts";
export type * from "./port/numbered.ts";
export type * from "./port/pruning.ts";
export type * from "./port/side.ts";

/** One transaction of ingest. */
export interface StoreWrite {
  readonly batches: readonly StoredBatch[];
  /** Epoch records new or changed; `id` from `nextEpochId()`. */
  readonly epochs: readonly EpochRecord[];
  readonly violations: readonly ViolationRecord[];
  readonly slowMessages: readonly SlowMessageRecord[];
  /** Checkpoints of this epoch at or after this t are no longer valid (a repair). */
  readonly staleCheckpoints: readonly { readonly epochId: number; readonly fromT: Hlc }[];
  /** How nodes were doing. One that is stored already stays as it is. Absent: none. */
  readonly sideBlocks?: readonly StoredSideBlock[];
}

export interface HistoryStore extends BlockSource {
  /**
   * A block (see `block`) for who checks it elsewhere, in a thread of its own. Undefined if it is gone. Of one that
   * is damaged nothing is told: that does who asks for `block`, as whoever finds it damaged must have done.
   */
  uncheckedBlock(segment: StoredBatch, index: number): UncheckedBlock | undefined;
  /**
   * All epochs, in memory: cheap to call. Ascending by id. The same array until a write changes an
   * epoch: what is computed from it may be kept as long as it is the same.
   */
  epochs(): readonly EpochRecord[];
  epoch(id: number): EpochRecord | undefined;
  nextEpochId(): number;

  /**
   * Stores everything in one transaction; resolves when it is durable on disk. Callers may start the
   * next write before the one before resolved; order is kept. Nothing given may be changed until then.
   * `epochs()` shows a write only once durable. A write that cannot be made (a second record for one
   * node and epoch) is rejected by itself. After a write was rejected `epochs()` tells what is stored:
   * it may be there all the same.
   * @throws RetroError `disk-full` (retriable), `data-damaged`, `closed`, `internal`
   */
  write(write: StoreWrite): Promise<void>;

  /**
   * Batches of an epoch that overlap t in [from, to], in seq order (`reverse`: backwards).
   * Damaged records are skipped and join `damaged(epochId)`: whoever must not miss one asks after reading.
   */
  batches(
    epochId: number,
    range: { readonly from: Hlc; readonly to: Hlc; readonly reverse?: boolean },
  ): Iterable<StoredBatch>;

  /**
   * Puts a segment in the place of batches, in one transaction; resolves when durable. False: some batch was
   * no longer there, as a batch (retention, erasure), and nothing was changed. Whatever else came meanwhile stays:
   * between consecutive batches nothing can come. Errors as `write`.
   */
  seal(write: SegmentWrite): Promise<boolean>;

  /** The batch that holds the seq, if stored. */
  batchWithSeq(epochId: number, seq: number): StoredBatch | undefined;

  /** Stored batches that turned out unreadable, as far as read until now. Ascending by firstSeq. */
  damaged(epochId: number): readonly DamagedRange[];

  /**
   * Violations with receiveT <= t < sendT, by receiveT. Of more than `limit` (default: all) the
   * earliest are read: whoever gets as many as the limit says that there may be more. `from`: only those
   * with receiveT >= from, to go on where a page ended.
   */
  violationsAt(t: Hlc, limit?: number, from?: Hlc): readonly ViolationRecord[];
  /** Violations whose stretch [receiveT, sendT] touches [from, to], all ends included. As above. */
  violationsBetween(from: Hlc, to: Hlc, limit?: number): readonly ViolationRecord[];
  /** Slow messages with sendT <= t < receiveT, by sendT. As above. */
  slowMessagesAt(t: Hlc, limit?: number): readonly SlowMessageRecord[];

  /** How many times `staleCheckpoints` named this epoch since the store was opened. */
  repairCount(epochId: number): number;
  /** Resolves when durable, or dropped (see `CheckpointWrite.repairCount`). Errors as `write`. */
  writeCheckpoint(checkpoint: CheckpointWrite): Promise<void>;
  /** Removes checkpoints; resolves when durable, or dropped because of a repair. Errors as `write`. */
  thinCheckpoints(thinning: CheckpointThinning): Promise<void>;
  /** The latest directory with directory.t <= t. */
  directoryAt(epochId: number, t: Hlc): DirectoryRecord | undefined;
  /** The checkpoint of a log written with the directory of exactly that seq. */
  checkpoint(epochId: number, log: string, seq: number): Uint8Array | undefined;

  /** Resolves when durable, or dropped (see `TilesWrite.repairCount`). Errors as `write`. */
  writeTiles(write: TilesWrite): Promise<void>;
  /** The tile's bytes; undefined if it was never written, is stale, or cannot be read. */
  tile(epochId: number, level: number, index: number): Uint8Array | undefined;

  /**
   * Says that the messages of a stretch are about to be joined: call it before reading their events.
   * The same object goes to `writeMessages` or to `giveUpMessages`, once.
   */
  claimMessages(from: Hlc, until: Hlc): MessageStretch;
  giveUpMessages(claim: MessageStretch): void;
  /**
   * Keeps the messages of a claimed stretch, in place of those known of a stretch with the same
   * beginning. Resolves when durable, or when dropped because the claim was broken. Errors as `write`.
   */
  writeMessages(claim: MessageStretch, cells: readonly MessageCell[]): Promise<void>;
  /** The stretches whose messages are kept, ascending by `from`. In memory: cheap to call. */
  messageStretches(): readonly MessageStretch[];
  /** A cell of a stretch that is kept; undefined: empty. @throws RetroError `data-damaged` if it cannot be read */
  messageCell(from: Hlc, level: number, index: number): Uint8Array | undefined;

  /** All captures that are kept and can be read, ascending by number. Read from the disk: for start-up. */
  captures(): readonly StoredCapture[];
  /**
   * Keeps captures, in place of those with the same number, and removes others. Resolves when durable;
   * order with other writes is kept. Whoever writes bounds their number. Errors as `write`.
   */
  writeCaptures(write: CapturesWrite): Promise<void>;

  /** As for captures: all that are kept, and what is kept in place of what. */
  monitors(): readonly StoredMonitor[];
  writeMonitors(write: MonitorsWrite): Promise<void>;

  /** How far an epoch is pruned; undefined: not at all. From memory. */
  pruned(epochId: number): PrunedEpoch | undefined;
  /** Rises whenever something was pruned or forgotten. */
  pruneCount(): number;
  /** What is gone altogether. From memory; the same array until it changes. */
  gone(): readonly GoneStretch[];
  /** Where violations and slow messages are gone that a sweep removed; undefined: none ever was. From memory. */
  messagesGone(): MessagesGone | undefined;
  /** What is stored of an epoch after `seq`, in seq order, without its events. Read to the end or `return`ed. */
  pieces(epochId: number, seq: number): Iterable<StoredPiece>;
  /**
   * Stops serving what is pruned, and forgets epochs; resolves when that is durable and shows. Call it
   * while no `write` is on its way (`Ingest.between`): one that was made before would bring back what goes.
   * A repair never removes the directory of a pruned epoch's own t. Errors as `write`.
   */
  prune(write: PruneWrite): Promise<void>;
  /**
   * Removes records that are pruned or forgotten, some at a time; resolves to how many when that is
   * durable. Fewer than `limit`: nothing is left. It is allowed on a full disk.
   */
  sweep(options: SweepOptions): Promise<number>;
  /** How much room is taken. Cheap. */
  usage(): StoreUsage;

  /** Side blocks of an epoch, ascending by second, stream, part. Damaged ones are skipped and told of. */
  sideBlocks(epochId: number, range: SideRange): Iterable<StoredSideBlock>;
  /**
   * Removes side blocks that are past; resolves to how many when that is durable. Fewer than `limit`: nothing is
   * left. Allowed on a full disk. Those of a forgotten epoch go with it, in a sweep.
   */
  removeSideBlocks(removal: SideRemoval): Promise<number>;

  /** The labels of the cuts that are kept, ascending by number, with their size. For start-up. */
  saved(): readonly (Omit<SavedRecord, "bytes"> & { readonly byteCount: number })[];
  /** The bytes of one; undefined if there is none, or it is damaged. */
  savedBytes(number: number): Uint8Array | undefined;
  /**
   * Keeps and removes cuts. Resolves when durable. Whoever writes bounds them. Errors as `write`; to remove
   * alone is allowed on a full disk.
   */
  writeSaved(write: SavedWrite): Promise<void>;

  /**
   * Why writing has ended, once it has; reading goes on. Undefined: all is well. Reads are refused,
   * `overloaded` and retriable, for the moment in which a store recovers from a failed write.
   */
  readonly failure: RetroError | undefined;

  /** Waits for what was given to `write`, then ends all; later calls throw `closed`. May be called twice. */
  close(): Promise<void>;
}
