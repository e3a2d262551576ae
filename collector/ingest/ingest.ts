/**
 * Ingest: from the bytes of a request to "durable and acknowledged". Hot: bench `ingest`.
 *
 *     submit(body)   decode, check, gate (prepare.ts)          in slices, beside the disk
 *          |
 *          v  queue, bounded in bytes
 *     take in        identity, gaps, watermark                 one group at a time (intake.ts)
 *          |
 *          v  store.write: one transaction for the group
 *     reply          acks, commands; listeners are told
 *
 * Here is the door: who is let in, and how much may wait. Decoding, which is most of the work, does not
 * wait for the group that is on its way to the store.
 */
import { type IngestReply, RetroError } from "../../agent/kernel/index.ts";
import type { HistoryStore } from "../store/history-store.ts";
import { Answers, type StatusListener } from "./answers.ts";
import { CommandBox } from "./command-box.ts";
import { DecodeQueue } from "./decode-queue.ts";
import { DEFAULT_EPOCH_LIMITS } from "./epoch-room.ts";
import { IngestCounts } from "./ingest-counts.ts";
import {
  DEFAULT_MAX_GROUP_BYTES,
  DEFAULT_MAX_QUEUED_BYTES,
  type IngestOptions,
} from "./ingest-options.ts";
import { Instances } from "./instances.ts";
import { Intake, type StoredListener } from "./intake.ts";
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

export interface SubmitOptions {
  /** Refuse batches that hold events: their reply will be held open. */
  readonly mustBeEmpty?: boolean;
}

export class Ingest {
  readonly commands: CommandBox;
  readonly counts: IngestCounts = new IngestCounts();
  /** What each node has sent lately. */
  readonly nodeRates: RateLimits;
  readonly #store: HistoryStore;
  readonly #timers: IngestTimers;
  readonly #answers: Answers;
  readonly #silence: SilenceWatch;
  readonly #maxAheadMs: number;
  readonly #maxQueuedBytes: number;
  readonly #messageTimeoutMs: number;
  readonly #isTooOld: IngestGate["isTooOld"];
  readonly #decoding: DecodeQueue;
  readonly #intake: Intake;
  #queuedBytes = 0;
  #isClosed = false;

  /** Starts watching for silent nodes; `close` ends that. */
  constructor(options: IngestOptions) {
    this.#store = options.store;
    this.#timers = options.timers;
    this.commands = new CommandBox(options.timers);
    this.nodeRates = new RateLimits("node", options.nodeRate ?? DEFAULT_NODE_RATE, () =>
      options.timers.monotonicMs(),
    );
    this.#decoding = new DecodeQueue(options.timers);
    this.#maxAheadMs = options.maxAheadMs ?? DEFAULT_MAX_AHEAD_MS;
    this.#maxQueuedBytes = options.maxQueuedBytes ?? DEFAULT_MAX_QUEUED_BYTES;
    this.#messageTimeoutMs = options.messageTimeoutMs ?? DEFAULT_MESSAGE_TIMEOUT_MS;
    this.#isTooOld = options.isTooOld;
    const notice = options.onNotice ?? (() => {});
    this.#silence = new SilenceWatch({
      timers: options.timers,
      expireAfterMs: options.expireAfterMs ?? DEFAULT_EXPIRE_AFTER_MS,
      onSweep: () => this.#intake.sweep(),
    });
    this.#answers = new Answers({
      store: options.store,
      commands: this.commands,
      instances: new Instances(options.timers),
      silence: this.#silence,
      notice,
    });
    this.#intake = new Intake({
      store: options.store,
      timers: options.timers,
      limits: { ...DEFAULT_EPOCH_LIMITS, ...options.limits },
      maxGroupBytes: options.maxGroupBytes ?? DEFAULT_MAX_GROUP_BYTES,
      messageTimeoutMs: this.#messageTimeoutMs,
      fullLogs: options.fullLogs,
      answers: this.#answers,
      silence: this.#silence,
      counts: this.counts,
      notice,
      onTaken: (bytes) => {
        this.#queuedBytes -= bytes;
      },
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
    return this.#intake.onStored(listener);
  }

  /** Calls `listener` with each status that agents send; the result ends that. It must not throw. */
  onStatus(listener: StatusListener): () => void {
    return this.#answers.onStatus(listener);
  }

  /** Looks for silent nodes now. The timer does so every second; tests may not want to wait. */
  async sweep(): Promise<void> {
    this.#intake.sweep();
    await this.#idle();
  }

  /**
   * Runs a task while nothing is on its way to the store, and reads anew what is known of epochs if it
   * changed that: for retention, which takes away what a group was taken in against. Settles as it does.
   */
  between(task: () => Promise<void>): Promise<void> {
    return this.#intake.between(task);
  }

  /** Finishes what was submitted, then refuses. May be called twice. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#silence.stop();
    await this.#idle();
  }

  async #idle(): Promise<void> {
    await this.#decoding.drained();
    await this.#intake.idle();
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
        this.#intake.push({ batches, bytes, resolve, reject });
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
