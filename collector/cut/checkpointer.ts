/**
 * Writes checkpoints behind ingest, in rounds, so that a cut never replays much.
 *
 *     changes   |---- round ----|---- round ----|---- round ----|..tail
 *     written   logs changed +  |  logs changed + directory     |
 *               directory
 *
 * A round ends once the changes since the last one reach max(roundChanges, variables of the epoch):
 * writing is then about one state per change, and a cut replays about as many events as it has
 * variables. What is no change counts for a quarter of one: a node that only sends and receives must not
 * be replayed from its beginning, and its rounds hold no states. Ends are laid on the ends of batches where one is near, and never inside a commit.
 *
 * Only the contiguous prefix of an epoch is read: what a hole may still bring is left alone. Lost
 * ranges are part of the state. After a repair the store drops what came after it and counts one up
 * (`repairCount`); the state in memory is then thrown away and the last valid directory is the start.
 */
import { type Batch, type Hlc, MAX_HLC } from "../../agent/kernel/index.ts";
import type { CheckpointWrite, EpochRecord, HistoryStore } from "../store/history-store.ts";
import { type EventRows, rowFrom } from "../store/segment-rows.ts";
import type { Behind } from "./behind.ts";
import { encodeDirectory, encodeLogState, type KeyListRef, keysSeqOf } from "./checkpoint-codec.ts";
import { EpochQueue } from "./epoch-queue.ts";
import type { EpochSource } from "./epoch-source.ts";
import { EpochView } from "./epoch-view.ts";
import { FullLogs } from "./full-logs.ts";
import type { CutLimits } from "./limits.ts";
import type { LogImage } from "./log-image.ts";
import { LruCache } from "./lru-cache.ts";

/** A batch's end this near to the end of a round ends it. */
const EARLY = 0.75;
const LATE = 1.25;
/** With more keys outside its list than one in so many, or fewer in use, a log gets a new list. */
const NEW_KEYS_SHARE = 4;
const NEW_KEYS_FREE = 16;

/** Of a change: what a message, request or mark counts. */
const OTHER_WEIGHT = 1 / 4;
/** Events of a large batch: what a turn is reckoned by. */
const BATCH_EVENTS = 1_000;
/** A slot with its key; and what a byte of a written value becomes in memory. Both about. */
const SLOT_BYTES = 100;
/** An epoch, and a log, with nothing in it: many epochs have few variables or none. */
const EPOCH_BYTES = 2_000;
const LOG_BYTES = 1_000;
const OBJECTS_PER_BYTE = 8;

/** A log's latest state in the store. */
interface WrittenLog {
  readonly seq: number;
  readonly keys: KeyListRef;
  readonly byteCount: number;
  readonly uses: number;
}

/** A state that is being carried forward. */
interface OpenEpoch {
  readonly view: EpochView;
  readonly repairCount: number;
  /** T of the last event applied. */
  lastT: Hlc;
  /** Per log: the round that wrote it, and where its keys are. */
  readonly written: Map<string, WrittenLog>;
  /** Logs changed since the last round. */
  readonly changed: Set<string>;
  changeCount: number;
}

export class Checkpointer {
  readonly #store: HistoryStore;
  readonly #source: EpochSource;
  readonly #limits: CutLimits;
  readonly #behind: Behind;
  readonly #onAdvanced: (epochId: number) => void;
  readonly #open: LruCache<number, OpenEpoch>;
  readonly #queue: EpochQueue;
  /** Which logs have as many variables as they may have. */
  readonly fullLogs: FullLogs;
  #roundCount = 0;
  #failure: unknown;

  /** `onAdvanced` is told of an epoch that has been caught up with. */
  constructor(
    store: HistoryStore,
    source: EpochSource,
    limits: CutLimits,
    behind: Behind,
    onAdvanced: (epochId: number) => void = () => {},
  ) {
    this.#onAdvanced = onAdvanced;
    this.#store = store;
    this.#source = source;
    this.#limits = limits;
    this.#behind = behind;
    this.#queue = new EpochQueue(store, behind, (epochId) => this.#advanceOrForget(epochId));
    this.#open = new LruCache(limits.openStateBytes);
    this.fullLogs = new FullLogs(limits.logVariables);
  }

  /** Rounds written since the start. */
  get roundCount(): number {
    return this.#roundCount;
  }

  /** What the states take in memory that are kept between calls, about. At most `openStateBytes`. */
  get openBytes(): number {
    return this.#open.size;
  }

  /** Of how many epochs a state is kept. The others start from their last directory. */
  get openCount(): number {
    return this.#open.count;
  }

  /** Why the last work ended early, if it did: checkpoints are then older, answers only slower. */
  get failure(): unknown {
    return this.#failure;
  }

  /**
   * Catches up with what is stored of these epochs (none named: of all). Returns at once; the work is
   * done in turns, one epoch after the other. Never throws.
   */
  notify(epochIds?: Iterable<number>): void {
    this.#queue.notify(epochIds);
  }

  /** Resolves once nothing is left to do; after `Behind.close`, once the turn under way is over. */
  idle(): Promise<void> {
    return this.#queue.idle();
  }

  /**
   * A state whose checkpoints were not all written must not be carried on: later directories would
   * refer to them. The next try begins at the last directory that is in the store.
   */
  async #advanceOrForget(epochId: number): Promise<void> {
    try {
      await this.#advance(epochId);
    } catch (error) {
      this.#failure = error;
      this.#open.delete(epochId);
    }
    if (!this.#behind.isClosed) this.#onAdvanced(epochId);
  }

  /**
   * Carries one epoch forward to the end of its contiguous prefix. While one turn's rounds are being
   * made durable the next turn is replayed, but no more: what waits is bounded.
   */
  async #advance(epochId: number): Promise<void> {
    let writing: Promise<unknown> = Promise.resolve();
    let open = this.#open.get(epochId);
    for (;;) {
      const record = this.#store.epoch(epochId);
      if (record === undefined) this.fullLogs.forget(epochId);
      if (record === undefined || this.#behind.isClosed) break;
      open = this.#resume(record, open);
      this.fullLogs.look(epochId, open.view);
      if (open.view.seq >= record.contiguousSeq) break;
      const writes = this.#turn(record, open);
      await writing;
      writing = Promise.all(writes.map((write) => this.#store.writeCheckpoint(write)));
      // Reported where it is awaited; until then it must not count as unhandled.
      writing.catch(() => {});
      this.#roundCount += writes.length;
      await this.#behind.turn();
    }
    await writing;
    if (open !== undefined) this.#open.set(epochId, open, sizeOf(open));
  }

  #resume(record: EpochRecord, known: OpenEpoch | undefined): OpenEpoch {
    const repairCount = this.#store.repairCount(record.id);
    // What was pruned cannot be replayed any more: the state behind it is in the store.
    const prunedSeq = this.#store.pruned(record.id)?.seq ?? 0;
    const canGoOn = known?.repairCount === repairCount && known.view.seq >= prunedSeq;
    if (canGoOn) return known;
    return this.#openAtLastDirectory(record, repairCount);
  }

  #openAtLastDirectory(record: EpochRecord, repairCount: number): OpenEpoch {
    const view = this.#source.startBefore(record.id, MAX_HLC) ?? new EpochView();
    const written: OpenEpoch["written"] = new Map();
    const directory = this.#source.directoryBefore(record.id, view.t)?.directory;
    for (const [log, seq] of directory?.logs ?? []) {
      const image = view.logs.get(log);
      const bytes = this.#store.checkpoint(record.id, log, seq);
      if (image === undefined || bytes === undefined) continue;
      const keysSeq = keysSeqOf(bytes);
      const keys = { seq: keysSeq === 0 ? seq : keysSeq, list: image.base };
      written.set(log, { seq, keys, uses: 0, byteCount: bytes.length });
    }
    return { view, repairCount, lastT: view.t, written, changed: new Set(), changeCount: 0 };
  }

  /** Replays a few batches; the rounds that ended on the way. */
  #turn(record: EpochRecord, open: OpenEpoch): CheckpointWrite[] {
    const writes: CheckpointWrite[] = [];
    let budget = this.#limits.batchesPerTurn;
    const rest = { afterSeq: open.view.seq };
    for (const batch of this.#source.batches(record.id, open.view.t, MAX_HLC, rest)) {
      if (batch.header.lastSeq <= open.view.seq) continue;
      if (batch.header.lastSeq > record.contiguousSeq) break;
      this.#applyLostBefore(record, open, batch.header.firstSeq);
      this.#replay(record, open, batch, writes);
      // A segment is as many batches as it has events.
      budget -= Math.max(1, batch.events.count / BATCH_EVENTS);
      if (budget <= 0) return writes;
    }
    // Nothing is stored after this: what is left of the prefix was declared lost.
    this.#applyLostBefore(record, open, record.contiguousSeq + 1);
    open.view.seq = Math.max(open.view.seq, record.contiguousSeq);
    return writes;
  }

  #applyLostBefore(record: EpochRecord, open: OpenEpoch, seq: number): void {
    for (const range of this.#source.lostRanges(record)) {
      if (!open.view.awaits(range) || range.firstSeq >= seq) continue;
      open.view.applyLost(range);
      for (const log of open.view.logs.keys()) {
        if (range.logs === null || range.logs.includes(log)) open.changed.add(log);
      }
    }
  }

  /** Applies a batch in stretches, each up to where a round may end. */
  #replay(record: EpochRecord, open: OpenEpoch, batch: EventRows, writes: CheckpointWrite[]): void {
    const { events } = batch;
    let start = rowFrom(batch, open.view.seq + 1);
    while (start < events.count) {
      const target = this.#roundSize(open.view);
      const end = endOfRound(batch, start, target * LATE - open.changeCount);
      open.view.applyEvents(batch, start, end);
      noteChanges(open, batch, start, end);
      open.lastT = events.t[end - 1] as Hlc;
      open.view.t = open.lastT;
      start = end;
      const isFull = open.changeCount >= target * (end === events.count ? EARLY : LATE);
      if (isFull && !this.#isLostAt(record, open)) writes.push(this.#endRound(record, open));
    }
  }

  #roundSize(view: EpochView): number {
    let variables = 0;
    for (const image of view.logs.values()) variables += image.size;
    return Math.max(this.#limits.roundChanges, variables);
  }

  /** A lost range that begins at this very time belongs to the state at it: no round ends here. */
  #isLostAt(record: EpochRecord, { view, lastT }: OpenEpoch): boolean {
    return this.#source
      .lostRanges(record)
      .some((range) => view.awaits(range) && range.firstT <= lastT);
  }

  #endRound(record: EpochRecord, open: OpenEpoch): CheckpointWrite {
    const { view } = open;
    const logs = [...open.changed].map((log) => ({ log, bytes: this.#encode(open, log) }));
    open.changed.clear();
    open.changeCount = 0;
    const directory = encodeDirectory({
      logs: new Map([...open.written].map(([log, { seq }]) => [log, seq])),
      lost: view.lost,
      senders: view.senders.rows(),
      moreSendersFrom: view.senders.moreFrom,
      lastSendT: view.lastSendT,
      lastReceiveT: view.lastReceiveT,
    });
    const { repairCount } = open;
    return { epochId: record.id, seq: view.seq, t: open.lastT, directory, repairCount, logs };
  }

  #encode({ view, written }: OpenEpoch, log: string): Uint8Array {
    const image = view.image(log);
    const before = written.get(log);
    if (
      before !== undefined &&
      before.uses < this.#limits.keyListUses &&
      suits(image, before.keys)
    ) {
      const bytes = encodeLogState(image, before.keys);
      const { keys, uses } = before;
      written.set(log, { seq: view.seq, keys, uses: uses + 1, byteCount: bytes.length });
      return bytes;
    }
    image.compact();
    const bytes = encodeLogState(image, undefined);
    const keys = { seq: view.seq, list: image.base };
    written.set(log, { seq: view.seq, keys, uses: 0, byteCount: bytes.length });
    return bytes;
  }
}

/** What a state takes in memory, about. Large values show in the bytes that were written of them. */
function sizeOf({ view, written }: OpenEpoch): number {
  let bytes = EPOCH_BYTES + (view.senders.count + view.lost.length) * SLOT_BYTES;
  for (const [log, { slotCount, others }] of view.logs) {
    bytes += LOG_BYTES + slotCount * SLOT_BYTES;
    if (others.length > 0) bytes += (written.get(log)?.byteCount ?? 0) * OBJECTS_PER_BYTE;
  }
  return bytes;
}

/** Whether the list is the image's own and still mostly what the log holds. */
function suits(image: LogImage, { list }: KeyListRef): boolean {
  if (image.base !== list) return false;
  const inList = list.keys.length;
  if (image.extra.length > Math.max(NEW_KEYS_FREE, inList / NEW_KEYS_SHARE)) return false;
  return image.size * 2 >= inList || inList <= NEW_KEYS_FREE;
}

/** The index after the first whole commit that brings `changes` changes, or the end of the batch. */
function endOfRound({ events }: Batch, start: number, changes: number): number {
  let left = changes;
  for (let i = start; i < events.count; i += 1) {
    left -= (events.kind[i] as number) <= 3 ? 1 : OTHER_WEIGHT;
    if (left <= 0 && (i + 1 === events.count || events.t[i + 1] !== events.t[i])) return i + 1;
  }
  return events.count;
}

function noteChanges(open: OpenEpoch, { events }: Batch, start: number, end: number): void {
  let lastVariable = -1;
  for (let i = start; i < end; i += 1) {
    const code = events.kind[i] as number;
    if (code <= 3) {
      open.changeCount += 1;
      const variable = events.ref[i] as number;
      if (variable !== lastVariable) open.changed.add(events.variables[variable]?.log as string);
      lastVariable = variable;
    } else {
      const body = events.bodies[events.ref[i] as number];
      if (body?.kind === "keyframe") {
        open.changed.add(body.log);
        open.changeCount += body.state.size;
      } else {
        open.changeCount += OTHER_WEIGHT;
      }
    }
  }
}
