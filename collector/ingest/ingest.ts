/**
 * Ingest: from the bytes of a request to "durable and acknowledged". Hot: bench `ingest`.
 *
 *     submit(body)   decode, check, gate (prepare.ts)          in slices, beside the disk
 *          |
 *          v  queue, bounded in bytes
 *     take in        identity, gaps, watermark (accept.ts)     one group at a time
 *          |
 *          v  store.write: one transaction for the group
 *     reply          acks, commands; listeners are told
 *
 * Only one group is on its way to the store: the next is taken in against what is durable. So a write
 * that fails leaves nothing to take back, and its requests are told so. Decoding, which is most of
 * the work, does not wait.
 */
import { type IngestReply, RetroError } from "../../agent/kernel/index.ts";
import type { HistoryStore, StoreWrite } from "../store/history-store.ts";
import { GroupDraft } from "./accept.ts";
import { Answers, type StatusListener } from "./answers.ts";
import { CommandBox } from "./command-box.ts";
import { DecodeQueue } from "./decode-queue.ts";
import { EpochIndex } from "./epoch-index.ts";
import { DEFAULT_EPOCH_LIMITS, type EpochLimits, type FullLogsView } from "./epoch-room.ts";
import { IngestCounts } from "./ingest-counts.ts";
import {
  DEFAULT_MAX_GROUP_BYTES,
  DEFAULT_MAX_QUEUED_BYTES,
  type IngestOptions,
} from "./ingest-options.ts";
import { Instances } from "./instances.ts";
import type { IngestNotice } from "./notice.ts";
import type { Outcome } from "./outcome.ts";
import {
  DEFAULT_MAX_AHEAD_MS,
  type IngestGate,
  type PreparedBatch,
  prepareBody,
} from "./prepare.ts";
import { DEFAULT_NODE_RATE, RateLimits } from "./rate-limits.ts";
import { DEFAULT_MESSAGE_TIMEOUT_MS } from "./scan.ts";
import { DEFAULT_EXPIRE_AFTER_MS, SilenceWatch } from "./silence-watch.ts";
import type { IngestTimers } from "./timers.ts";

/** So long a group is taken in before the event loop has a turn. */
export const TAKE_SLICE_MS = 10;

export interface SubmitOptions {
  /** Refuse batches that hold events: their reply will be held open. */
  readonly mustBeEmpty?: boolean;
}

interface Waiting {
  readonly batches: readonly PreparedBatch[];
  readonly bytes: number;
  readonly resolve: (reply: IngestReply) => void;
  readonly reject: (error: unknown) => void;
}

/** Told after each durable write, with the ids of the epochs whose records changed. */
export type StoredListener = (epochIds: readonly number[]) => void;

export class Ingest {
  readonly commands: CommandBox;
  readonly counts: IngestCounts = new IngestCounts();
  /** What each node has sent lately. */
  readonly nodeRates: RateLimits;
  readonly #store: HistoryStore;
  readonly #timers: IngestTimers;
  readonly #limits: EpochLimits;
  #index: EpochIndex;
  readonly #answers: Answers;
  readonly #silence: SilenceWatch;
  readonly #maxAheadMs: number;
  readonly #maxQueuedBytes: number;
  readonly #maxGroupBytes: number;
  readonly #messageTimeoutMs: number;
  readonly #fullLogs: FullLogsView | undefined;
  readonly #isTooOld: IngestGate["isTooOld"];
  readonly #notice: (notice: IngestNotice) => void;
  readonly #listeners = new Set<StoredListener>();
  readonly #decoding: DecodeQueue;
  readonly #waiting: Waiting[] = [];
  #queuedBytes = 0;
  #mustSweep = false;
  readonly #tasks: (() => Promise<void>)[] = [];
  #running: Promise<void> | undefined;
  #isClosed = false;

  /** Starts watching for silent nodes; `close` ends that. */
  constructor(options: IngestOptions) {
    this.#store = options.store;
    this.#timers = options.timers;
    this.#limits = { ...DEFAULT_EPOCH_LIMITS, ...options.limits };
    this.#index = new EpochIndex(options.store.epochs());
    this.commands = new CommandBox(options.timers);
    this.nodeRates = new RateLimits("node", options.nodeRate ?? DEFAULT_NODE_RATE, () =>
      options.timers.monotonicMs(),
    );
    this.#decoding = new DecodeQueue(options.timers);
    this.#maxAheadMs = options.maxAheadMs ?? DEFAULT_MAX_AHEAD_MS;
    this.#maxQueuedBytes = options.maxQueuedBytes ?? DEFAULT_MAX_QUEUED_BYTES;
    this.#maxGroupBytes = options.maxGroupBytes ?? DEFAULT_MAX_GROUP_BYTES;
    this.#messageTimeoutMs = options.messageTimeoutMs ?? DEFAULT_MESSAGE_TIMEOUT_MS;
    this.#isTooOld = options.isTooOld;
    this.#fullLogs = options.fullLogs;
    this.#notice = options.onNotice ?? (() => {});
    this.#silence = new SilenceWatch({
      timers: options.timers,
      expireAfterMs: options.expireAfterMs ?? DEFAULT_EXPIRE_AFTER_MS,
      onSweep: () => this.#sweep(),
    });
    this.#answers = new Answers({
      store: options.store,
      commands: this.commands,
      instances: new Instances(options.timers),
      silence: this.#silence,
      notice: this.#notice,
    });
  }

  /** Bytes of bodies that wait to be decoded, or for the store. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Whether a body of so many bytes would be refused now. */
  isFull(bytes: number): boolean {
    return this.#queuedBytes > 0 && this.#queuedBytes + bytes > this.#maxQueuedBytes;
  }

  /**
   * Takes in one or more encoded batches, whole or not at all. Resolves once they are durable.
   * `body` must not change until then.
   * @throws RetroError for good: `bad-batch`, `too-large`, `unsupported-version`, `too-far-ahead`,
   *   `too-old`, `bad-parameter` (events where there must be none); retriable: `overloaded`, `disk-full`; `data-unusable`, `closed`
   */
  async submit(body: Uint8Array, options: SubmitOptions = {}): Promise<IngestReply> {
    try {
      this.#admit(body.length);
      return await this.#decodeAndEnqueue(body, options);
    } catch (error) {
      this.turnedAway(error);
      throw error;
    }
  }

  /** Counts a refusal, and does not take for silence what was our doing. For the door's own, too. */
  turnedAway(error: unknown): void {
    this.counts.refused(error);
    if (isOurDoing(error)) this.#silence.excuse();
  }

  /** Calls `listener` after each durable write; the result ends that. */
  onStored(listener: StoredListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Calls `listener` with each status that agents send; the result ends that. It must not throw. */
  onStatus(listener: StatusListener): () => void {
    return this.#answers.onStatus(listener);
  }

  /** Looks for silent nodes now. The timer does so every second; tests may not want to wait. */
  async sweep(): Promise<void> {
    this.#sweep();
    await this.#idle();
  }

  /**
   * Runs a task while nothing is on its way to the store, and reads anew what is known of epochs if it
   * changed that: for retention, which takes away what a group was taken in against. Settles as it does.
   */
  between(task: () => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#tasks.push(() => task().then(resolve, reject));
      this.#start();
    });
  }

  /** Finishes what was submitted, then refuses. May be called twice. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#silence.stop();
    await this.#idle();
  }

  async #idle(): Promise<void> {
    await this.#decoding.drained();
    while (this.#running !== undefined) await this.#running;
  }

  #admit(bytes: number): void {
    if (this.#isClosed) {
      throw new RetroError("closed", "the collector is stopping", {
        retriable: true,
        hint: "Send it again to the next one.",
      });
    }
    if (this.#store.failure !== undefined) throw this.#store.failure;
    if (this.isFull(bytes)) {
      throw new RetroError("overloaded", `${this.#queuedBytes} bytes wait to be stored`, {
        retriable: true,
        hint: "Send it again in a second.",
      });
    }
  }

  #decodeAndEnqueue(body: Uint8Array, options: SubmitOptions): Promise<IngestReply> {
    const messageTimeoutMs = this.#messageTimeoutMs;
    const gate = { now: this.#timers.now(), maxAheadMs: this.#maxAheadMs, messageTimeoutMs };
    const isTooOld = this.#isTooOld;
    const bytes = body.length;
    this.#queuedBytes += bytes;
    return new Promise((resolve, reject) => {
      const refuse = (error: unknown): void => {
        this.#queuedBytes -= bytes;
        reject(error);
      };
      const enqueue = (batches: PreparedBatch[]): void => {
        if (options.mustBeEmpty === true) refuseEvents(batches);
        this.#checkRates(batches);
        this.#waiting.push({ batches, bytes, resolve, reject });
        this.#start();
      };
      const work = prepareBody(body, isTooOld === undefined ? gate : { ...gate, isTooOld });
      this.#decoding.push(work, enqueue, refuse);
    });
  }

  /** All nodes of a body, or none: nobody pays for what is refused. */
  #checkRates(batches: readonly PreparedBatch[]): void {
    const bytesOf = new Map<string, number>();
    for (const { header, bytes } of batches) {
      bytesOf.set(header.node, (bytesOf.get(header.node) ?? 0) + bytes.length);
    }
    for (const node of bytesOf.keys()) this.nodeRates.check(node);
    for (const [node, bytes] of bytesOf) this.nodeRates.pay(node, bytes);
  }

  #sweep(): void {
    this.#mustSweep = true;
    this.#start();
  }

  #start(): void {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      if (this.#hasWork()) this.#start();
    });
  }

  async #run(): Promise<void> {
    // Let the turn end first, so that all that is submitted in it goes into one group.
    await Promise.resolve();
    while (this.#hasWork()) {
      await this.#runTasks();
      const group = this.#nextGroup();
      const bytes = group.reduce((sum, one) => sum + one.bytes, 0);
      await this.#takeIn(group);
      this.#queuedBytes -= bytes;
    }
  }

  #hasWork(): boolean {
    return this.#waiting.length > 0 || this.#mustSweep || this.#tasks.length > 0;
  }

  async #runTasks(): Promise<void> {
    if (this.#tasks.length === 0) return;
    const before = this.#store.epochs();
    for (const task of this.#tasks.splice(0)) await task();
    // A sweep takes many steps and changes no record: what is known need not be read a thousand times.
    const now = this.#store.epochs();
    if (now !== before) this.#index = new EpochIndex(now);
  }

  #nextGroup(): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const one of this.#waiting) {
      if (count > 0 && bytes + one.bytes > this.#maxGroupBytes) break;
      bytes += one.bytes;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }

  /** Never rejects: each request is told by itself. */
  async #takeIn(group: readonly Waiting[]): Promise<void> {
    const draft = new GroupDraft(
      this.#index,
      this.#store,
      this.#timers.wallMs(),
      this.#limits,
      this.#messageTimeoutMs,
      this.#fullLogs,
    );
    const accepted: { readonly request: Waiting; readonly outcome: Outcome }[] = [];
    let sliceMs = this.#timers.monotonicMs();
    for (const request of group) {
      try {
        accepted.push({ request, outcome: draft.take(request.batches) });
      } catch (error) {
        request.reject(error);
      }
      // Repeats are read and compared: a group of them is too much for one turn.
      if (this.#timers.monotonicMs() - sliceMs < TAKE_SLICE_MS) continue;
      await this.#timers.turn();
      sliceMs = this.#timers.monotonicMs();
    }
    try {
      if (this.#mustSweep) this.#expireSilent(draft);
      const write = draft.write();
      await this.#write(write);
      for (const { request, outcome } of accepted) {
        this.counts.stored(request.batches.length, outcome);
        const commands = this.#answers.tell(request.batches, outcome, this.#index);
        request.resolve({ acks: outcome.acks, commands });
      }
      for (const id of draft.namedIds()) this.#silence.heard(id);
      if (write.epochs.length > 0) this.#tell(write.epochs.map((record) => record.id));
    } catch (error) {
      for (const { request } of accepted) request.reject(error);
    }
  }

  async #write(write: StoreWrite): Promise<void> {
    if (write.epochs.length === 0) return;
    try {
      await this.#store.write(write);
      this.#index.remember(write.epochs);
    } catch (error) {
      // A write that was rejected may be on the disk all the same: ask what is.
      this.#index = new EpochIndex(this.#store.epochs());
      throw error;
    }
  }

  #expireSilent(draft: GroupDraft): void {
    this.#mustSweep = false;
    for (const record of this.#silence.expired(this.#index.open())) {
      draft.expire(record, this.#timers.now());
      this.counts.expiredCount += 1;
      this.#notice({ kind: "expired", node: record.node, epoch: record.epoch });
    }
  }

  #tell(epochIds: readonly number[]): void {
    for (const listener of this.#listeners) listener(epochIds);
  }
}

/**
 * Whoever was refused for want of room is not silent. The last of too many nodes is no such case, nor
 * one that sends too much, nor a client that is slow or went away.
 */
function isOurDoing(error: unknown): boolean {
  if (!(error instanceof RetroError) || !error.retriable || error.code === "timed-out")
    return false;
  const reason = error.details?.["reason"];
  return reason === undefined || reason === "memory";
}

function refuseEvents(batches: readonly PreparedBatch[]): void {
  if (batches.every(({ header }) => header.lastSeq < header.firstSeq)) return;
  throw new RetroError("bad-parameter", "hold is for empty batches", {
    hint: "Send events without hold: none of them should wait.",
  });
}
