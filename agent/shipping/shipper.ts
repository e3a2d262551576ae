/**
 * The shipper: decides when to cut, send, wait and give up.
 *
 *     every flushIntervalMs   keyframes due -> cut what is pending -> queue
 *     queue not empty         one request with the oldest batches; the next when it was answered
 *     a second of silence     a heartbeat (heartbeats.ts), which the collector answers with commands
 *     asked for a capture     the window, as far as the queue has room (captures.ts)
 *
 * At any time: created = acknowledged + dropped + queued, and, where events are shipped on demand, + kept
 * in the window (outbox.ts and the source keep the books). It never throws; what it catches of our own making goes to `onError`. Time, timers and chance come from the scheduler.
 */
import type { Hlc, IngestReply, Json } from "../kernel/index.ts";
import { Answers, knownAbove } from "./answers.ts";
import type { Status } from "./batch-press.ts";
import type { QueuedBatch } from "./batch-queue.ts";
import { Captures } from "./captures.ts";
import { Commands } from "./commands.ts";
import { Courier } from "./courier.ts";
import { EpochRequests } from "./epoch-requests.ts";
import type { EventSource, ReopenRequest } from "./event-source.ts";
import { FlushWaiters } from "./flush-waiters.ts";
import { HEARTBEAT_MS, Heartbeats } from "./heartbeats.ts";
import { Outbox } from "./outbox.ts";
import { Reach, type Say } from "./reach.ts";
import type { Scheduler } from "./scheduler.ts";
import { type ShippingStats, statsOf } from "./shipping-stats.ts";
import { NO_SIDE_BLOCKS, type SideSource } from "./side-source.ts";
import { Tidings } from "./tidings.ts";
import type { Transport } from "./transport.ts";

/** Encoded batches that wait for the collector; beyond, the oldest go. */
export const DEFAULT_QUEUE_BYTES: number = 8 * 1024 * 1024;
export const DEFAULT_FLUSH_INTERVAL_MS = 100;
/** An answer to batches may take so long. */
const REQUEST_TIMEOUT_MS = 10_000;
const MAX_REQUEST_BYTES = 1024 * 1024;
const MAX_REQUEST_BATCHES = 64;
/** Batches cut in a row before the host gets its turn; a tick of 16,384 events is about 2 ms. */
const MAX_CUTS_PER_TURN = 4;
/** So many pending events are cut as soon as the way is free, before the interval is over. */
const EAGER_EVENTS = 500;
/** A busy agent says how it is this often; an idle one with each heartbeat. */
const STATUS_MS = 5_000;

export interface ShipperOptions {
  readonly source: EventSource;
  readonly transport: Transport;
  readonly scheduler: Scheduler;
  /** What the agent says about itself; captures, triggers and the stream are added here. */
  readonly status: () => { readonly [field: string]: Json };
  /** What rides in batches beside events. Default: nothing. */
  readonly side?: SideSource;
  /** Told of errors of our own, ports that break their promises included. */
  readonly onError: (error: unknown) => void;
  /** Tells a person that the collector cannot be reached, or can again. */
  readonly say?: Say;
  readonly flushIntervalMs?: number;
  readonly queueBytes?: number;
}

export class Shipper {
  readonly #source: EventSource;
  readonly #scheduler: Scheduler;
  readonly #status: ShipperOptions["status"];
  readonly #onError: (error: unknown) => void;
  readonly #flushIntervalMs: number;
  readonly #reach: Reach;
  readonly #courier: Courier;
  readonly #outbox: Outbox;
  readonly #answers: Answers;
  readonly #waiters: FlushWaiters;
  readonly #commands: Commands;
  readonly #epochRequests: EpochRequests;
  readonly #heartbeats: Heartbeats;
  readonly #tidings = new Tidings();
  readonly #captures: Captures;
  readonly #firstEpoch: number;
  #sent: readonly QueuedBatch[] = [];
  #nextStatusMs = 0;
  #requestCount = 0;
  #cancelTick: () => void = () => undefined;
  /** The goodbye was recorded: nothing may follow it in this epoch. */
  #hasLeft = false;
  #isClosed = false;

  constructor(options: ShipperOptions) {
    this.#source = options.source;
    this.#scheduler = options.scheduler;
    this.#status = options.status;
    this.#onError = options.onError;
    this.#flushIntervalMs = options.flushIntervalMs ?? DEFAULT_FLUSH_INTERVAL_MS;
    this.#reach = new Reach(options.scheduler, options.transport.target, options.say ?? silent);
    this.#courier = new Courier(options.transport, options.scheduler, options.onError);
    this.#epochRequests = new EpochRequests(options.scheduler);
    this.#waiters = new FlushWaiters(options.scheduler);
    const queueBytes = options.queueBytes ?? DEFAULT_QUEUE_BYTES;
    this.#firstEpoch = options.source.epoch;
    const { onDemand } = options.source;
    const side = options.side ?? NO_SIDE_BLOCKS;
    this.#outbox = new Outbox({
      ...{ source: options.source, side, queueBytes, onError: options.onError },
      onHeard: (tidings) => this.#tidings.heard(tidings),
      onDisowned: (tidings) => this.#tidings.disowned(tidings),
    });
    this.#captures = new Captures(onDemand, this.#outbox, this.#tidings);
    this.#answers = new Answers(this.#outbox, this.#reach);
    this.#commands = new Commands({
      scheduler: options.scheduler,
      keyframe: (logs) => this.#outbox.wantKeyframes(logs),
      reopen: (request) => this.#reopen(request),
      capture: (id, from, to) => this.#captures.ask(id, from, to, this.#source.now()),
    });
    this.#heartbeats = new Heartbeats({
      ...{ scheduler: options.scheduler, courier: this.#courier, outbox: this.#outbox },
      ...{ reach: this.#reach, tidings: this.#tidings, side },
      isOnDemand: onDemand !== undefined,
      intervalMs: () => this.#commands.heartbeatMs(HEARTBEAT_MS),
      status: () => this.#statusNow(),
      onReply: (batch, reply) => {
        this.#obey([batch], reply);
        this.#goOn();
      },
    });
  }

  /** Ships the first events, the join among them, as soon as the host's own start is through. */
  start(): void {
    this.#heartbeats.start();
    this.#tickIn(0);
  }

  get stats(): ShippingStats {
    return {
      ...statsOf(this.#outbox, this.#source),
      ...(this.#isClosed ? { queued: 0 } : {}),
      requests: this.#requestCount,
      failures: this.#reach.failureCount,
      heartbeats: this.#heartbeats.count,
      rejoins: this.#epochRequests.count,
      unsupportedCommands: this.#commands.unsupportedCount,
      refusedTriggers: this.#tidings.refusedTriggerCount,
    };
  }

  /** Why shipping does not go well now; undefined: it does. */
  get problem(): string | undefined {
    const log = this.#source.unframedLog;
    const tooLarge = `log "${log}" is too large for a keyframe: what is lost of it stays lost until set anew`;
    return this.#reach.problem ?? (log === undefined ? undefined : tooLarge);
  }

  /** Asks the collector, at once, for captures of all on-demand nodes around `t`. Never throws. */
  trigger(t: Hlc, reason: string): void {
    if (this.#isClosed || this.#hasLeft) return;
    if (!this.#tidings.trigger(t, reason, this.#firstEpoch, this.#scheduler.nowMs())) return;
    this.#tickIn(0);
  }

  /** Ships what waits, side blocks above all, at once. Never throws. */
  hurry(): void {
    if (this.#isClosed || this.#hasLeft) return;
    this.#heartbeats.hurry();
    this.#tickIn(0);
  }

  /**
   * Cuts everything recorded so far and waits until it is acknowledged or given up.
   * @returns false if the time was up first
   */
  async flush(timeoutMs: number, keepAlive: boolean = false): Promise<boolean> {
    if (this.#isClosed) return true;
    this.#guarded(() => {
      this.#cutAll();
      this.#outbox.declare(this.#sent);
      this.#reach.tryNow();
    });
    if (this.#isClosed) return false; // an own error while cutting was one too many
    const newest = this.#outbox.queue.newest;
    if (newest === undefined) return true;
    const waiting = this.#waiters.wait(newest.ordinal, timeoutMs, keepAlive);
    this.#guarded(() => this.#pump());
    return waiting;
  }

  /**
   * After the goodbye was recorded: flushes within the budget, keeping the process alive for it, and lets
   * go of it. `resume` goes on.
   */
  async leave(budgetMs: number): Promise<void> {
    this.#beginLeaving();
    if (!(await this.flush(budgetMs, true)) && this.#hasLeft) this.#courier.hangUp();
  }

  /** The goodbye is the last that is heard of a short life: how it went is told with it. */
  #beginLeaving(): void {
    this.#hasLeft = true;
    this.#nextStatusMs = 0;
  }

  /** The process lives on after its goodbye: a further epoch, at once. */
  resume(): void {
    this.#hasLeft = false;
    this.#openEpoch({ aboveEpoch: 0, aboveT: null, nodeInUse: false });
  }

  /** Flushes within the budget, counts what is left as dropped, and ends. May be called twice. */
  async close(budgetMs: number): Promise<void> {
    if (this.#isClosed) return;
    this.#beginLeaving();
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
    this.#waiters.end();
    this.#courier.close();
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
      this.#openEpochIfDue();
      isBehind = this.#cutSome();
      this.#capture();
      this.#pump();
      this.#heartbeat();
    });
    if (!this.#isClosed)
      this.#tickIn(isBehind ? 0 : this.#commands.intervalMs(this.#flushIntervalMs));
  }

  /** Cuts a turn's worth; true if more is pending. */
  #cutSome(): boolean {
    // Nothing may follow the goodbye; and to a collector that is away, keyframes would only push out more.
    if (this.#reach.isAnswering && !this.#hasLeft) {
      this.#outbox.addKeyframes(this.#scheduler.nowMs());
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

  readonly #statusIfDue = (): Status | null =>
    this.#scheduler.nowMs() < this.#nextStatusMs ? null : this.#statusNow();

  #statusNow(): Status {
    this.#nextStatusMs = this.#scheduler.nowMs() + STATUS_MS;
    const { number: tidings, ...told } = this.#tidings.tell();
    const stream = this.#source.onDemand === undefined ? "all" : "on-demand";
    return { json: { ...this.#status(), stream, ...told } as unknown as Json, tidings };
  }

  /** Reads on in what was asked for. Nothing of it follows the goodbye. */
  #capture(): void {
    if (this.#captures.isIdle || this.#hasLeft || this.#isClosed) return;
    this.#captures.step(this.#source.now(), this.#scheduler.nowMs(), this.#sent);
  }

  /** After an answer: there may be room, and a way. */
  #goOn(): void {
    this.#capture();
    this.#pump();
    if (this.#tidings.hasNews) this.#tickIn(0);
  }

  /** Sends the oldest batches if the way is free. */
  #pump(): void {
    if (this.#sent.length > 0 || this.#isClosed) return;
    if (!this.#reach.isFree) return;
    const { queue } = this.#outbox;
    const oldest = queue.oldest;
    if (oldest === undefined) return;
    const maxCount = this.#answers.isSingle(oldest) ? 1 : MAX_REQUEST_BATCHES;
    const batches = queue.head(MAX_REQUEST_BYTES, maxCount);
    this.#sent = batches;
    this.#requestCount += 1;
    this.#heartbeats.putOff();
    const options = { timeoutMs: REQUEST_TIMEOUT_MS, holdMs: 0 };
    this.#courier.send(batches, options, (reply) => {
      this.#sent = [];
      this.#obey(batches, this.#answers.take(batches, reply));
      if (this.#source.pendingCount >= EAGER_EVENTS) this.#cutSome();
      this.#waiters.settle(this.#outbox.queue.oldest?.ordinal ?? Number.POSITIVE_INFINITY);
      this.#goOn();
    });
  }

  #heartbeat(): void {
    const isSilent = this.#hasLeft || this.#outbox.isDisowned || this.#isClosed;
    if (isSilent || this.#source.pendingCount > 0) return;
    const { queue, queuedCount } = this.#outbox;
    // A capture around now keeps the queue filled for as long as it lasts: heartbeats go on beside it.
    const isBusy =
      this.#source.onDemand === undefined
        ? this.#sent.length > 0 || queuedCount > 0
        : queue.holdsMoreThanCaptures;
    this.#heartbeats.tick(isBusy);
  }

  /** Does what an answer asks for; only what speaks of the current epoch says anything about epochs. */
  #obey(batches: readonly QueuedBatch[], reply: IngestReply | undefined): void {
    if (reply === undefined) return;
    const { node, epoch } = this.#source;
    const ours = batches.filter((batch) => batch.node === node && batch.epoch === epoch);
    this.#commands.obey(reply?.commands, node, ours.length > 0);
    if (this.#source.epoch !== epoch) return;
    const known = knownAbove(ours, reply);
    if (this.#outbox.isDisowned) this.#reopen({ aboveEpoch: 0, aboveT: null, nodeInUse: true });
    else if (known !== undefined)
      this.#reopen({ aboveEpoch: known.epoch, aboveT: known.t, nodeInUse: false });
  }

  #reopen(request: ReopenRequest): void {
    if (this.#hasLeft) return;
    this.#epochRequests.ask(request, this.#source.epoch);
    this.#openEpochIfDue();
  }

  #openEpochIfDue(): void {
    if (this.#hasLeft) return;
    const request = this.#epochRequests.takeDue(this.#source.epoch);
    if (request !== undefined) this.#openEpoch(request);
  }

  #openEpoch(request: ReopenRequest): void {
    this.#cutAll(); // the old epoch's events go out first, or are declared
    this.#outbox.leaveEpoch(this.#sent);
    this.#captures.endEpoch();
    this.#nextStatusMs = 0;
    this.#source.reopen(request);
    this.#tickIn(0);
  }

  #guarded(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#onError(error);
    }
  }
}

const silent: Say = () => false;
