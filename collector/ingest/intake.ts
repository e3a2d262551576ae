/**
 * What becomes of requests once they are decoded. Hot: bench `ingest`.
 *
 *     waiting    | a b c d e ...      in order, in groups of so many bytes
 *                     |
 *     take in    identity, gaps, watermark (accept.ts)       one group at a time, in slices
 *                     |
 *     store      one transaction for the group, durable
 *                     |
 *     reply      acks, commands; listeners are told
 *
 * Only one group is on its way to the store: the next is taken in against what is durable. So a write
 * that fails leaves nothing to take back, and its requests are told so. Between two groups others may
 * have the store to themselves (`between`), and silent nodes expire.
 */
import type { IngestReply } from "../../agent/kernel/index.ts";
import type { HistoryStore, StoreWrite } from "../store/history-store.ts";
import { GroupDraft } from "./accept.ts";
import type { Answers } from "./answers.ts";
import { EpochIndex } from "./epoch-index.ts";
import type { EpochLimits, FullLogsView } from "./epoch-room.ts";
import type { IngestCounts } from "./ingest-counts.ts";
import type { IngestNotice } from "./notice.ts";
import type { Outcome } from "./outcome.ts";
import type { PreparedBatch } from "./prepare.ts";
import type { SilenceWatch } from "./silence-watch.ts";
import type { IngestTimers } from "./timers.ts";

/** So long a group is taken in before the event loop has a turn. */
export const TAKE_SLICE_MS = 10;

/** A decoded request, and who waits for its reply. */
export interface WaitingRequest {
  readonly batches: readonly PreparedBatch[];
  /** Of its body. */
  readonly bytes: number;
  readonly resolve: (reply: IngestReply) => void;
  readonly reject: (error: unknown) => void;
}

/** Told after each durable write, with the ids of the epochs whose records changed. */
export type StoredListener = (epochIds: readonly number[]) => void;

export interface IntakeOptions {
  readonly store: HistoryStore;
  readonly timers: IngestTimers;
  readonly limits: EpochLimits;
  readonly maxGroupBytes: number;
  readonly messageTimeoutMs: number;
  readonly fullLogs: FullLogsView | undefined;
  readonly answers: Answers;
  readonly silence: SilenceWatch;
  readonly counts: IngestCounts;
  readonly notice: (notice: IngestNotice) => void;
  /** Bodies of so many bytes are over: stored, or refused. */
  readonly onTaken: (bytes: number) => void;
}

export class Intake {
  readonly #options: IntakeOptions;
  #index: EpochIndex;
  readonly #waiting: WaitingRequest[] = [];
  readonly #tasks: (() => Promise<void>)[] = [];
  readonly #listeners = new Set<StoredListener>();
  #mustSweep = false;
  #running: Promise<void> | undefined;

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#index = new EpochIndex(options.store.epochs());
  }

  push(request: WaitingRequest): void {
    this.#waiting.push(request);
    this.#start();
  }

  /** Looks for silent nodes, with the next group. */
  sweep(): void {
    this.#mustSweep = true;
    this.#start();
  }

  /** Runs a task while nothing is on its way to the store. Settles as it does. */
  between(task: () => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#tasks.push(() => task().then(resolve, reject));
      this.#start();
    });
  }

  onStored(listener: StoredListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves when nothing waits any more. Never rejects. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
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
      this.#options.onTaken(bytes);
    }
  }

  #hasWork(): boolean {
    return this.#waiting.length > 0 || this.#mustSweep || this.#tasks.length > 0;
  }

  async #runTasks(): Promise<void> {
    if (this.#tasks.length === 0) return;
    const { store } = this.#options;
    const before = store.epochs();
    for (const task of this.#tasks.splice(0)) await task();
    // A sweep takes many steps and changes no record: what is known need not be read a thousand times.
    const now = store.epochs();
    if (now !== before) this.#index = new EpochIndex(now);
  }

  #nextGroup(): WaitingRequest[] {
    let bytes = 0;
    let count = 0;
    for (const one of this.#waiting) {
      if (count > 0 && bytes + one.bytes > this.#options.maxGroupBytes) break;
      bytes += one.bytes;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }

  /** Never rejects: each request is told by itself. */
  async #takeIn(group: readonly WaitingRequest[]): Promise<void> {
    const { store, timers, limits, messageTimeoutMs, fullLogs } = this.#options;
    const draft = new GroupDraft(
      this.#index,
      store,
      timers.wallMs(),
      limits,
      messageTimeoutMs,
      fullLogs,
    );
    const accepted: { readonly request: WaitingRequest; readonly outcome: Outcome }[] = [];
    let sliceMs = timers.monotonicMs();
    for (const request of group) {
      try {
        accepted.push({ request, outcome: draft.take(request.batches) });
      } catch (error) {
        request.reject(error);
      }
      // Repeats are read and compared: a group of them is too much for one turn.
      if (timers.monotonicMs() - sliceMs < TAKE_SLICE_MS) continue;
      await timers.turn();
      sliceMs = timers.monotonicMs();
    }
    try {
      if (this.#mustSweep) this.#expireSilent(draft);
      const write = draft.write();
      await this.#write(write);
      const { counts, answers, silence } = this.#options;
      for (const { request, outcome } of accepted) {
        counts.stored(request.batches.length, outcome);
        const commands = answers.tell(request.batches, outcome, this.#index);
        request.resolve({ acks: outcome.acks, commands });
      }
      for (const id of draft.namedIds()) silence.heard(id);
      if (write.epochs.length > 0) this.#tell(write.epochs.map((record) => record.id));
    } catch (error) {
      for (const { request } of accepted) request.reject(error);
    }
  }

  async #write(write: StoreWrite): Promise<void> {
    if (write.epochs.length === 0) return;
    const { store } = this.#options;
    try {
      await store.write(write);
      this.#index.remember(write.epochs);
    } catch (error) {
      // A write that was rejected may be on the disk all the same: ask what is.
      this.#index = new EpochIndex(store.epochs());
      throw error;
    }
  }

  #expireSilent(draft: GroupDraft): void {
    const { silence, timers, counts, notice } = this.#options;
    this.#mustSweep = false;
    for (const record of silence.expired(this.#index.open())) {
      draft.expire(record, timers.now());
      counts.expiredCount += 1;
      notice({ kind: "expired", node: record.node, epoch: record.epoch });
    }
  }

  #tell(epochIds: readonly number[]): void {
    for (const listener of this.#listeners) listener(epochIds);
  }
}
