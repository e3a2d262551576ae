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
 */
import type { Hlc, Json, LostRange, RetroError } from "../../agent/kernel/index.ts";

/** Inclusive range of seqs. */
export interface SeqRange {
  readonly first: number;
  readonly last: number;
}

/** Seqs with the t of the first and the last event. */
export interface TimedRange extends SeqRange {
  readonly firstT: Hlc;
  readonly lastT: Hlc;
}

/** Seqs stored without a hole. A hole between two of these has bounds in time. */
export interface StoredRange extends TimedRange {
  /** The promise that came with the last of them: later events of the epoch are later than this. */
  readonly closed: Hlc;
}

/** How an epoch ended, with the t from which the node is no member. */
export interface EpochEnd {
  readonly kind: "left" | "expired";
  readonly t: Hlc;
}

/** Everything known about one run of one node. Rewritten whole when it changes. */
export interface EpochRecord {
  /** Small integer given by the store, never used again. */
  readonly id: number;
  readonly node: string;
  readonly epoch: number;
  readonly service: string;
  readonly tags: Readonly<Record<string, string>>;
  /** Random per start of the agent; empty until the join is known. */
  readonly instance: string;
  readonly imported: boolean;
  /** When the epoch began: t of the join, or of the earliest event known. */
  readonly joined: Hlc;
  /** Seqs stored, ascending, disjoint, not touching. Nearly always one range. */
  readonly stored: readonly StoredRange[];
  /**
   * Declared lost and not stored since, ascending by firstSeq, disjoint. Bounded: of an epoch with
   * very many the closest are folded into one that lies over stored events too; those count as lost.
   * Readers let a lost range cover all its seqs, whatever is stored there.
   */
  readonly lost: readonly LostRange[];
  /** Last seq up to which everything is stored or declared lost. 0: nothing yet. */
  readonly contiguousSeq: number;
  /**
   * `closed` of the last contiguous batch: no event at or before it is missing, but for lost ranges.
   * `MIN_HLC` while the first events are missing.
   */
  readonly watermark: Hlc;
  /** The highest `closed` promised by any batch, contiguous or not. */
  readonly closed: Hlc;
  /** The highest t stored. */
  readonly lastT: Hlc;
  readonly end: EpochEnd | null;
  /** Collector's wall clock (Unix ms) when the first and the latest batch came. */
  readonly firstArrivalMs: number;
  readonly lastArrivalMs: number;
  readonly eventCount: number;
  /** Logs seen, with what is known of each. */
  readonly logs: Readonly<Record<string, LogRecord>>;
  /** The agent's latest status, as it sent it (`AgentStatus`), or null. */
  readonly status: unknown;
  /**
   * Nothing of this run has come: receives name it as a sender. It is kept so that it can expire like
   * others: `joined` is the time of the first such receive, `lastT` the latest sending known. Absent
   * as soon as something comes of the run itself.
   */
  readonly named?: true;
}

export interface LogRecord {
  readonly firstT: Hlc;
  readonly lastT: Hlc;
  readonly changeCount: number;
}

/**
 * A batch as stored: its range, and the wire bytes as received (their checksum verified again at each
 * read). Or a segment, which stands in the place of the batches it was sealed from: then the bytes are
 * its header (segment-header.ts), and its events are in blocks (`block`). segment-reader.ts reads both.
 */
export interface StoredBatch {
  readonly epochId: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly firstT: Hlc;
  readonly lastT: Hlc;
  /** Collector's wall clock, Unix ms. Of a segment: when the last of its batches came. */
  readonly arrivalMs: number;
  readonly bytes: Uint8Array;
}

/** A segment to be put in the place of batches. */
export interface SegmentWrite {
  /** The batches it was made from, consecutive and of one epoch: all their events are in it. */
  readonly replaced: readonly (TimedRange & { readonly epochId: number })[];
  /** It was made from a segment, one, that had the same range: what was erased of that is not in it. */
  readonly isRewritten?: boolean;
  readonly segment: StoredBatch;
  /** By the index that the header gives them. */
  readonly blocks: readonly Uint8Array[];
}

/** Checkpoints that nobody needs any more, because others near them do. */
export interface CheckpointThinning {
  readonly epochId: number;
  /** As it was before the checkpoints were looked at: after a repair nothing is removed. */
  readonly repairCount: number;
  /** T of directories. */
  readonly directories: readonly Hlc[];
  readonly states: readonly { readonly log: string; readonly seq: number }[];
}

/** Where the blocks of segments come from. */
export interface BlockSource {
  /**
   * The bytes of a block of a stored segment. Undefined if they are damaged or gone; what is damaged joins
   * `damaged(epochId)`, by the name of the block's log alone.
   */
  block(segment: StoredBatch, index: number): Uint8Array | undefined;
}

/**
 * A receive that is not later than its send: every cut with receiveT <= T < sendT is inconsistent.
 *
 * Where a batch holds very many, most come added up: `count` receives of one batch from one node, over
 * the stretch in which some of them is (message-tally.ts); `send` and `receive` name the first. The
 * same holds for slow messages: who lists messages one by one says that there are more.
 */
export interface ViolationRecord {
  /** Absent: one. */
  readonly count?: number;
  /** Of the receive: `receivingGroup` of the kernel; absent: none. */
  readonly group?: string;
  readonly receiveT: Hlc;
  readonly sendT: Hlc;
  readonly send: { readonly node: string; readonly epoch: number; readonly seq: number };
  readonly receive: { readonly node: string; readonly epoch: number; readonly seq: number };
}

/** A message that took longer than the in-flight window; kept apart so that a cut can find it. */
export interface SlowMessageRecord {
  /** Absent: one. See ViolationRecord. */
  readonly count?: number;
  readonly group?: string;
  readonly sendT: Hlc;
  readonly receiveT: Hlc;
  readonly send: { readonly node: string; readonly epoch: number; readonly seq: number };
  readonly receive: { readonly node: string; readonly epoch: number; readonly seq: number };
}

/** Events that were stored and can no longer be read: to readers, a lost range. */
export interface DamagedRange extends TimedRange {
  readonly epochId: number;
  /** What is damaged of a segment, if it is one block: seqs and times are then those of the block's events. */
  readonly block?: {
    /** Undefined: its messages, or requests, marks, joins and leaves. */
    readonly log: string | undefined;
    readonly messages: boolean;
    readonly eventCount: number;
  };
}

/** One transaction of ingest. */
export interface StoreWrite {
  readonly batches: readonly StoredBatch[];
  /** Epoch records new or changed; `id` from `nextEpochId()`. */
  readonly epochs: readonly EpochRecord[];
  readonly violations: readonly ViolationRecord[];
  readonly slowMessages: readonly SlowMessageRecord[];
  /** Checkpoints of this epoch at or after this t are no longer valid (a repair). */
  readonly staleCheckpoints: readonly { readonly epochId: number; readonly fromT: Hlc }[];
}

/**
 * A full state of one log, kept by the collector at the end of an event block: the bytes are the cut
 * engine's own (collector/cut). The store adds and verifies a checksum.
 */
export interface CheckpointWrite {
  readonly epochId: number;
  /** State after all events with seq <= this ... */
  readonly seq: number;
  /** ... the last of which has this t; later events of the epoch are later than t. */
  readonly t: Hlc;
  /** Which checkpoint to start from for every log of the epoch. */
  readonly directory: Uint8Array;
  /**
   * `store.repairCount(epochId)` as it was *before* the events behind this checkpoint were read. If a
   * repair came in between, the checkpoint is dropped without a word: it would leave the repair out.
   */
  readonly repairCount: number;
  /** Written so that what lies before it can go: like `prune` it is allowed on a full disk. */
  readonly makesRoom?: true;
  /** Logs that changed since the directory before, with their state. */
  readonly logs: readonly { readonly log: string; readonly bytes: Uint8Array }[];
}

export interface DirectoryRecord {
  readonly epochId: number;
  readonly seq: number;
  readonly t: Hlc;
  readonly bytes: Uint8Array;
}

/**
 * What the cut engine counted of stretches of one epoch, so as not to count again: the bytes are its own
 * (cut/timeline-tile.ts). Tile `index` of a level covers [index * span, (index + 1) * span), the span
 * being `tileSpan(level)` of tile-levels.ts. Made from the contiguous prefix alone, so that only a repair makes it stale.
 */
export interface TilesWrite {
  readonly epochId: number;
  /** As in `CheckpointWrite`: tiles counted before a repair are dropped. */
  readonly repairCount: number;
  readonly tiles: readonly TileRecord[];
}

export interface TileRecord {
  readonly level: number;
  readonly index: number;
  readonly bytes: Uint8Array;
}

/**
 * A stretch of time whose messages somebody joins, from all events of all epochs in [from, until].
 * Whoever stores an event of that time later breaks it, before what was joined is written or after.
 */
export interface MessageStretch {
  readonly from: Hlc;
  readonly until: Hlc;
}

/** Messages sent in one cell of a stretch, by the cut engine's own numbering and coding. */
export interface MessageCell {
  readonly level: number;
  readonly index: number;
  readonly bytes: Uint8Array;
}

/** One capture (ingest/captures.ts), kept under its number. The store does not look into it. */
export interface StoredCapture {
  readonly number: number;
  readonly body: Json;
}

export interface CapturesWrite {
  readonly put: readonly StoredCapture[];
  /** By number; of one that is not there nothing is said. */
  readonly remove: readonly number[];
}

/** One standing query with its alerts (monitor/monitors.ts), kept under its number. The store does not look into it. */
export interface StoredMonitor {
  readonly number: number;
  readonly body: Json;
}

export interface MonitorsWrite {
  readonly put: readonly StoredMonitor[];
  /** By number; of one that is not there nothing is said. */
  readonly remove: readonly number[];
}

/**
 * An epoch of which the beginning is gone, by retention or by order. What `prune` writes shows at once;
 * the records themselves are removed later, by `sweep`, so that no answer can be made of half of them.
 *
 *     seq   1 ............. seq | seq + 1 ....
 *           not served, swept   | t: the state here is that of the directory of exactly this t
 */
export interface PrunedEpoch {
  readonly epochId: number;
  /** Nothing up to this seq is served. */
  readonly seq: number;
  /** No time before this can be answered. */
  readonly t: Hlc;
  /** There is no directory of t: the state there is not known either, until keyframes tell it. */
  readonly isBlank?: true;
  /** Earlier checkpoints that this directory, and those after it, refer to: they stay. */
  readonly keep: readonly { readonly log: string; readonly seq: number }[];
}

/** A stretch of time in which a node was a member, of which not even the epoch's record is kept. */
export interface GoneStretch {
  readonly node: string;
  readonly from: Hlc;
  /** It ended here, or another epoch of the node began. */
  readonly until: Hlc;
  /** When the latest of its runs began; absent: at `from`. */
  readonly joined?: Hlc;
  /** The highest of the epochs that are gone. Absent: nobody noted it. */
  readonly epoch?: number;
}

/** One transaction of retention. */
export interface PruneWrite {
  /**
   * At most one per epoch. Pruned epochs stay pruned: seq and t only rise (at the same seq, what is kept may
   * become less: sweeps take the rest). One that is not blank and whose
   * directory is not there (any more) is left out without a word.
   */
  readonly epochs: readonly PrunedEpoch[];
  /** Ids of epochs whose records go as well, and with them, by and by, all that is theirs. */
  readonly forget: readonly number[];
  /** In place of all that `gone()` says; undefined: as it is. */
  readonly gone: readonly GoneStretch[] | undefined;
}

/** What is stored as one: a batch, or a segment. Retention removes it whole. */
export interface StoredPiece extends TimedRange {
  /** Collector's wall clock when the last of it came, Unix ms; 0 where it cannot be read any more. */
  readonly arrivalMs: number;
  /** About what it takes on the disk. */
  readonly byteCount: number;
}

/** About which times violations and slow messages are no longer known as they were: `sweep` took some. */
export interface MessagesGone {
  /** The earliest beginning of one that went. */
  readonly from: Hlc;
  /** The latest end of one. */
  readonly until: Hlc;
}

export interface SweepOptions {
  /** Records removed at most: what keeps a transaction short. */
  readonly limit: number;
  /** Violations and slow messages that were over before this go too. */
  readonly messagesBefore: Hlc;
}

export interface StoreUsage {
  /** What records take. */
  readonly usedBytes: number;
  /** What the file takes: it does not shrink, what was removed is written over. */
  readonly fileBytes: number;
  /** The file system it is on; undefined where there is none. */
  readonly disk: { readonly freeBytes: number; readonly totalBytes: number } | undefined;
}

/** A cut kept under a name (retention/saved-cuts.ts). The store looks into neither part. */
export interface SavedRecord {
  readonly number: number;
  /** Small: all of them are read at start-up. */
  readonly label: Json;
  readonly bytes: Uint8Array;
}

export interface SavedWrite {
  readonly put: readonly SavedRecord[];
  /** By number; of one that is not there nothing is said. */
  readonly remove: readonly number[];
}

export interface HistoryStore extends BlockSource {
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
   * earliest are read: whoever gets as many as the limit says that there may be more.
   */
  violationsAt(t: Hlc, limit?: number): readonly ViolationRecord[];
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
