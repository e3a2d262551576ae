/**
 * The shipper: decides when to cut, send, wait and give up.
 *
 *     every flushIntervalMs   keyframes due -> cut what is pending -> queue
 *     queue not empty         one request with the oldest batches; the next when it was answered
 *     a second of silence     a heartbeat: an empty batch in a request of its own, which the collector
 *                             may hold for a second to answer with a command; no event waits behind it
 *
 * At any time: created = acknowledged + dropped + queued (outbox.ts keeps the books). It never throws;
 * what it catches of our own making goes to `onError`. Time, timers and chance come from the scheduler.
 */
import { type BatchAck, type IngestReply, type Json, parseHlc } from "../kernel/index.ts";
import { BackOff } from "./back-off.ts";
import { isAckOf, type QueuedBatch } from "./batch-queue.ts";
import { Commands } from "./commands.ts";
import type { EventSource, ReopenRequest } from "./event-source.ts";
import { Outbox } from "./outbox.ts";
import type { Scheduler } from "./scheduler.ts";
import type { SendOptions, Transport, TransportReply } from "./transport.ts";

/** Encoded batches that wait for the collector; beyond, the oldest go. */
export const DEFAULT_QUEUE_BYTES: number = 8 * 1024 * 1024;
export const DEFAULT_FLUSH_INTERVAL_MS = 50;
export const REQUEST_TIMEOUT_MS = 10_000;
/** A transport that keeps no deadline of its own is given up this much later. */
const TIMEOUT_GRACE_MS = 1_000;
export const HEARTBEAT_MS = 1_000;
const HOLD_MS = 1_000;
const UNAUTHORIZED_MS = 60_000;
const MAX_REQUEST_BYTES = 1024 * 1024;
const MAX_REQUEST_BATCHES = 64;
/** Batches cut in a row before the host gets its turn; a tick of 16,384 events is about 2 ms. */
const MAX_CUTS_PER_TURN = 4;
/** So many pending events are cut as soon as the way is free, before the interval is over. */
const EAGER_EVENTS = 500;
/** Answers without an ack after which a batch counts as refused. */
const MAX_UNACKNOWLEDGED = 3;
/** A busy agent says how it is this often; an idle one with each heartbeat. */
const STATUS_MS = 5_000;
/** No collector can make us open epochs faster. */
const MIN_REJOIN_MS = 5_000;

export interface ShipperOptions {
  readonly source: EventSource;
  readonly transport: Transport;
  readonly scheduler: Scheduler;
  /** What the agent says about itself. */
  readonly status: () => Json;
  /** Told of errors of our own, ports that break their promises included. */
  readonly onError: (error: unknown) => void;
  readonly flushIntervalMs?: number;
  readonly queueBytes?: number;
}

/** Of the transport's answer and the books. */
export interface ShippingStats {
  readonly acknowledged: number;
  readonly queued: number;
  readonly dropped: number;
  readonly drops: Readonly<Record<string, number>>;
  readonly queueBytes: number;
  readonly requests: number;
  readonly failures: number;
  readonly heartbeats: number;
  readonly rejoins: number;
  readonly unsupportedCommands: number;
}

export class Shipper {
  readonly #source: EventSource;
  readonly #transport: Transport;
  readonly #scheduler: Scheduler;
  readonly #status: () => Json;
  readonly #onError: (error: unknown) => void;
  readonly #flushIntervalMs: number;
  readonly #backOff: BackOff;
  readonly #outbox: Outbox;
  readonly #commands: Commands;
  #sent: readonly QueuedBatch[] = [];
  #heartbeatIsOut = false;
  #notBeforeMs = 0;
  #retryAsked = false;
  /** Batches up to this one are sent one by one, to find the one that was refused. */
  #singleUpTo = 0;
  readonly #unacknowledged = new Map<number, number>();
  #nextHeartbeatMs = 0;
  #nextStatusMs = 0;
  #nextRejoinMs = 0;
  #requestCount = 0;
  #failureCount = 0;
  #heartbeatCount = 0;
  #rejoinCount = 0;
  #problem: string | undefined;
  #cancelTick: () => void = () => undefined;
  readonly #deadlines = new Set<() => void>();
  #isClosing = false;
  #isClosed = false;
  #waiters: { readonly ordinal: number; readonly done: (all: boolean) => void }[] = [];

  constructor(options: ShipperOptions) {
    this.#source = options.source;
    this.#transport = options.transport;
    this.#scheduler = options.scheduler;
    this.#status = options.status;
    this.#onError = options.onError;
    this.#flushIntervalMs = options.flushIntervalMs ?? DEFAULT_FLUSH_INTERVAL_MS;
    this.#backOff = new BackOff(options.scheduler);
    const queueBytes = options.queueBytes ?? DEFAULT_QUEUE_BYTES;
    this.#outbox = new Outbox(options.source, queueBytes, options.onError);
    this.#commands = new Commands({
      scheduler: options.scheduler,
      keyframe: (logs) => this.#source.askKeyframes(logs),
      reopen: (request) => this.#reopen(request),
    });
  }

  /** Ships the first events, the join among them, as soon as the host's own start is through. */
  start(): void {
    this.#nextHeartbeatMs = this.#scheduler.nowMs() + HEARTBEAT_MS;
    this.#tickIn(0);
  }

  get stats(): ShippingStats {
    const { ledger, queue, queuedCount } = this.#outbox;
    return {
      acknowledged: ledger.acknowledged,
      queued: this.#isClosed ? 0 : queuedCount,
      dropped: ledger.dropped,
      drops: ledger.drops,
      queueBytes: queue.bytes,
      requests: this.#requestCount,
      failures: this.#failureCount,
      heartbeats: this.#heartbeatCount,
      rejoins: this.#rejoinCount,
      unsupportedCommands: this.#commands.unsupportedCount,
    };
  }

  /** Why shipping does not go well now; undefined: it does. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /**
   * Cuts everything recorded so far and waits until it is acknowledged or given up.
   * @returns false if the time was up first
   */
  flush(timeoutMs: number, keepAlive: boolean = false): Promise<boolean> {
    if (this.#isClosed) return Promise.resolve(true);
    return new Promise((resolve) => {
      this.#guarded(() => {
        this.#cutAll();
        this.#outbox.declare(this.#sent);
        if (!this.#retryAsked) this.#notBeforeMs = 0; // try once, whatever the last failure
      });
      const newest = this.#outbox.queue.newest;
      if (newest === undefined) {
        resolve(true);
        return;
      }
      const waiter = { ordinal: newest.ordinal, done };
      const cancel = this.#scheduler.after(timeoutMs, () => done(false), keepAlive);
      const finish = () => {
        this.#waiters = this.#waiters.filter((one) => one !== waiter);
      };
      function done(all: boolean): void {
        cancel();
        finish();
        resolve(all);
      }
      this.#waiters.push(waiter);
      this.#guarded(() => this.#pump());
    });
  }

  /** Flushes within the budget, counts what is left as dropped, and ends. May be called twice. */
  async close(budgetMs: number): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosing = true;
    await this.flush(budgetMs, true);
    this.end();
  }

  /** Ends at once; what waits is counted as dropped. May be called twice. */
  end(): void {
    if (this.#isClosed) return;
    this.#outbox.abandon();
    this.#outbox.ledger.drop("shutdown", this.#source.pendingCount);
    this.#isClosed = true;
    this.#cancelTick();
    for (const cancel of this.#deadlines) cancel();
    for (const { done } of this.#waiters) done(false);
    this.#guarded(() => this.#transport.close());
  }

  #tickIn(delayMs: number): void {
    this.#cancelTick();
    this.#cancelTick = this.#scheduler.after(delayMs, () => this.#tick());
  }

  #tick(): void {
    if (this.#isClosed) return;
    let isBehind = false;
    this.#guarded(() => {
      this.#source.tidy();
      isBehind = this.#cutSome();
      this.#pump();
      this.#heartbeat();
    });
    if (!this.#isClosed)
      this.#tickIn(isBehind ? 0 : this.#commands.intervalMs(this.#flushIntervalMs));
  }

  /** Cuts a turn's worth; true if more is pending. */
  #cutSome(): boolean {
    // Nothing may follow the goodbye; and to a collector that is away, keyframes would only push out more.
    if (this.#backOff.failureCount === 0 && !this.#isClosing) {
      this.#outbox.askKeyframes();
      this.#source.addKeyframes();
    }
    for (let cuts = 0; cuts < MAX_CUTS_PER_TURN; cuts += 1) {
      if (!this.#outbox.cutOne(this.#sent, this.#statusIfDue)) {
        if (this.#outbox.hasUndeclared) this.#outbox.declare(this.#sent);
        return false;
      }
    }
    return this.#source.pendingCount > 0;
  }

  #cutAll(): void {
    while (this.#outbox.cutOne(this.#sent, this.#statusIfDue));
  }

  readonly #statusIfDue = (): Json | null => {
    const now = this.#scheduler.nowMs();
    if (now < this.#nextStatusMs) return null;
    this.#nextStatusMs = now + STATUS_MS;
    return this.#status();
  };

  /** Sends the oldest batches if the way is free. */
  #pump(): void {
    if (this.#sent.length > 0 || this.#isClosed) return;
    if (this.#scheduler.nowMs() < this.#notBeforeMs) return;
    const { queue } = this.#outbox;
    const oldest = queue.oldest;
    if (oldest === undefined) return;
    const isSingle = oldest.ordinal <= this.#singleUpTo;
    const batches = queue.head(MAX_REQUEST_BYTES, isSingle ? 1 : MAX_REQUEST_BATCHES);
    this.#sent = batches;
    this.#requestCount += 1;
    this.#nextHeartbeatMs = this.#scheduler.nowMs() + HEARTBEAT_MS;
    const options = { timeoutMs: REQUEST_TIMEOUT_MS, holdMs: 0 };
    this.#send(batches, options, (reply) => {
      this.#sent = [];
      this.#takeReply(batches, reply);
      if (this.#source.pendingCount >= EAGER_EVENTS) this.#cutSome();
      this.#settleWaiters();
      this.#pump();
    });
  }

  /** Sends an empty batch if nothing was said for a while. */
  #heartbeat(): void {
    const now = this.#scheduler.nowMs();
    const isBusy = this.#sent.length > 0 || this.#outbox.queuedCount > 0 || this.#heartbeatIsOut;
    if (isBusy || now < this.#nextHeartbeatMs || now < this.#notBeforeMs || this.#isClosed) return;
    this.#nextHeartbeatMs = now + this.#commands.heartbeatMs(HEARTBEAT_MS);
    this.#nextStatusMs = now + STATUS_MS;
    const batch = this.#outbox.heartbeat(this.#status());
    this.#heartbeatIsOut = true;
    this.#heartbeatCount += 1;
    const options = { timeoutMs: REQUEST_TIMEOUT_MS, holdMs: HOLD_MS };
    this.#send([batch], options, (reply) => {
      this.#heartbeatIsOut = false;
      if (reply.kind === "acked") this.#succeeded([batch], reply.reply);
      else this.#failed(reply);
      this.#pump();
    });
  }

  /** Sends, and calls `then` exactly once, however the transport behaves. */
  #send(
    batches: readonly QueuedBatch[],
    options: SendOptions,
    then: (reply: TransportReply) => void,
  ): void {
    let isAnswered = false;
    const answer = (reply: TransportReply): void => {
      if (isAnswered) return;
      isAnswered = true;
      cancel();
      this.#deadlines.delete(cancel);
      if (!this.#isClosed) this.#guarded(() => then(reply));
    };
    const broke = (error: unknown): void => {
      if (isAnswered) return;
      this.#onError(error); // a transport never throws or rejects: that is a bug in it
      answer({ kind: "failed", retryAfterMs: null, message: "the transport threw" });
    };
    const limitMs = options.timeoutMs + options.holdMs + TIMEOUT_GRACE_MS;
    const cancel = this.#scheduler.after(limitMs, () =>
      answer({ kind: "failed", retryAfterMs: null, message: "the transport never answered" }),
    );
    this.#deadlines.add(cancel);
    try {
      const sent = this.#transport.send(
        batches.map(({ bytes }) => bytes),
        options,
      );
      sent.then((reply) => {
        if (isReply(reply)) answer(reply);
        else broke(new Error("the transport gave no reply"));
      }, broke);
    } catch (error) {
      broke(error);
    }
  }

  #takeReply(batches: readonly QueuedBatch[], reply: TransportReply): void {
    switch (reply.kind) {
      case "acked":
        this.#acked(batches, reply.reply);
        return;
      case "refused":
        this.#problem = `the collector refused a batch (${reply.status}: ${reply.message})`;
        this.#onlyOrSingle(batches, (batch) => this.#outbox.drop(batch, "refused"));
        return;
      case "too-large":
        this.#onlyOrSingle(batches, (batch) => {
          if (!this.#outbox.split(batch)) this.#outbox.drop(batch, "refused");
        });
        return;
      default:
        this.#failed(reply);
    }
  }

  /** Deals with the one batch that was refused; of several, each is sent alone to find it. */
  #onlyOrSingle(batches: readonly QueuedBatch[], deal: (batch: QueuedBatch) => void): void {
    const [only] = batches;
    if (batches.length === 1 && only !== undefined) deal(only);
    else this.#singleUpTo = batches.at(-1)?.ordinal ?? 0;
  }

  #acked(batches: readonly QueuedBatch[], reply: IngestReply): void {
    const acks = acksOf(reply);
    const missing = batches.filter((batch) => !acks.some((ack) => isAckOf(ack, batch)));
    for (const batch of batches) {
      this.#unacknowledged.delete(batch.ordinal);
      if (!missing.includes(batch)) this.#outbox.acknowledged(batch);
    }
    if (missing.length === batches.length) {
      this.#failed({ kind: "failed", retryAfterMs: null, message: "no batch was acknowledged" });
    } else {
      this.#succeeded(batches, reply);
    }
    for (const batch of missing) this.#countUnacknowledged(batch);
  }

  #countUnacknowledged(batch: QueuedBatch): void {
    const count = (this.#unacknowledged.get(batch.ordinal) ?? 0) + 1;
    if (count < MAX_UNACKNOWLEDGED) this.#unacknowledged.set(batch.ordinal, count);
    else this.#outbox.drop(batch, "refused");
  }

  #succeeded(batches: readonly QueuedBatch[], reply: IngestReply): void {
    this.#backOff.succeeded();
    this.#problem = undefined;
    this.#notBeforeMs = 0;
    this.#retryAsked = false;
    const { node, epoch } = this.#source;
    const ours = batches.filter((batch) => batch.node === node && batch.epoch === epoch);
    this.#commands.obey(reply?.commands, node, ours.length > 0);
    if (this.#source.epoch === epoch) this.#compareWithKnown(ours, reply);
  }

  /** The answer to a join names what is known from before it: we must stand above both. */
  #compareWithKnown(ours: readonly QueuedBatch[], reply: IngestReply): void {
    for (const batch of ours) {
      const known = acksOf(reply).find((ack) => isAckOf(ack, batch))?.known;
      if (known === undefined || !Number.isSafeInteger(known.epoch)) continue;
      const knownT = parseHlc(String(known.t)) ?? null;
      if (known.epoch < batch.epoch && (knownT === null || knownT < batch.firstT)) continue;
      this.#reopen({ aboveEpoch: known.epoch, aboveT: knownT, nodeInUse: false });
      return;
    }
  }

  #reopen(request: ReopenRequest): void {
    const now = this.#scheduler.nowMs();
    if (now < this.#nextRejoinMs || this.#isClosing) return;
    this.#nextRejoinMs = now + MIN_REJOIN_MS;
    this.#rejoinCount += 1;
    this.#cutAll(); // the old epoch's events go out first, or are declared
    this.#outbox.leaveEpoch();
    this.#nextStatusMs = 0;
    this.#source.reopen(request);
    this.#tickIn(0);
  }

  #failed(reply: Exclude<TransportReply, { readonly kind: "acked" }>): void {
    this.#failureCount += 1;
    const isUnauthorized = reply?.kind === "unauthorized";
    const retryAfterMs = reply?.kind === "failed" ? reply.retryAfterMs : null;
    this.#problem = isUnauthorized
      ? `the collector refuses our token (${reply.status})`
      : `the collector does not take batches: ${reply?.kind === "failed" ? reply.message : reply?.kind}`;
    this.#retryAsked = isUnauthorized || retryAfterMs !== null;
    const waitMs = this.#backOff.failedMs(retryAfterMs);
    this.#notBeforeMs = this.#scheduler.nowMs() + (isUnauthorized ? UNAUTHORIZED_MS : waitMs);
  }

  /** Tells those who wait for a flush whose batches are all gone. */
  #settleWaiters(): void {
    const oldest = this.#outbox.queue.oldest?.ordinal ?? Number.POSITIVE_INFINITY;
    for (const { ordinal, done } of this.#waiters) if (oldest > ordinal) done(true);
  }

  #guarded(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#onError(error);
    }
  }
}

const REPLY_KINDS: readonly unknown[] = ["acked", "refused", "too-large", "unauthorized", "failed"];

function isReply(reply: unknown): reply is TransportReply {
  return REPLY_KINDS.includes((reply as { readonly kind?: unknown } | null)?.kind);
}

/** The acks of a reply that came over the network: whatever is none is left out. */
function acksOf(reply: IngestReply | null): readonly BatchAck[] {
  const acks: unknown = reply?.acks;
  if (!Array.isArray(acks)) return [];
  return acks.filter((ack) => typeof ack === "object" && ack !== null);
}
