/**
 * The outbox: from cuts to a bounded queue of encoded batches, with the books kept. Nothing here knows
 * of requests or timers; shipper.ts decides when.
 *
 *     cut --press--> queue --acknowledged--> ledger
 *                      |---dropped---------> ledger, lost ranges --> header of the next batch
 *
 * Overflow gives up whole batches, the oldest first; what was lost is declared by the next batch, and
 * the logs it touched get a keyframe once the collector answers again (before that, keyframes would
 * only push out more).
 */
import type { DropReason, EpochRef, Hlc, LostRange } from "../kernel/index.ts";
import { BatchPress, type EpochTail, halvesOf, isTooLarge, type Status } from "./batch-press.ts";
import { BatchQueue, eventCountOf, type QueuedBatch } from "./batch-queue.ts";
import type { CaptureSource, EventSource, SourceCut } from "./event-source.ts";
import { Ledger } from "./ledger.ts";
import { Losses, type LostBatch } from "./losses.ts";
import { Reframing } from "./reframing.ts";
import { NO_SIDE_BLOCKS, type SideSource } from "./side-source.ts";

/** Of side blocks in one batch: far below what a batch may have, so that they never part one. */
const SIDE_BYTES = 512 * 1024;

export interface OutboxOptions {
  readonly source: EventSource;
  /** Default: none. */
  readonly side?: SideSource;
  readonly queueBytes: number;
  readonly onError: (error: unknown) => void;
  /** Tidings of that number arrived. */
  readonly onHeard: (tidings: number) => void;
  /** They were left aside, with the epoch they came under. */
  readonly onDisowned: (tidings: number) => void;
}

export class Outbox {
  readonly ledger: Ledger = new Ledger();
  readonly queue: BatchQueue;
  readonly #source: EventSource;
  readonly #side: SideSource;
  readonly #press = new BatchPress();
  readonly #losses = new Losses();
  readonly #reframing = new Reframing();
  #captureLossCount = 0;
  #lastCut: EpochTail | undefined;
  #isDisowned = false;
  readonly #onError: (error: unknown) => void;
  readonly #onHeard: (tidings: number) => void;
  readonly #onDisowned: (tidings: number) => void;

  constructor(options: OutboxOptions) {
    this.#source = options.source;
    this.#side = options.side ?? NO_SIDE_BLOCKS;
    this.queue = new BatchQueue(options.queueBytes);
    this.#onError = options.onError;
    this.#onHeard = options.onHeard;
    this.#onDisowned = options.onDisowned;
  }

  /** Whether a loss waits to be declared. */
  get hasUndeclared(): boolean {
    return !this.#losses.isEmpty;
  }

  /** Events that wait, cut or not. */
  get queuedCount(): number {
    return this.queue.eventCount + this.#source.pendingCount;
  }

  /** Whether the current epoch turned out to be another process's: see `disown`. */
  get isDisowned(): boolean {
    return this.#isDisowned;
  }

  /** Cuts and queues one batch; false if nothing was pending. `sent`: batches not to be given up. */
  cutOne(sent: readonly QueuedBatch[], status: () => Status | null): boolean {
    const cut = this.#source.cut();
    if (cut === null) return false;
    this.#queueCut(cut, sent, status);
    return true;
  }

  /** Queues empty batches that declare what no other batch declared yet. */
  declare(sent: readonly QueuedBatch[]): void {
    for (const [tail, lost] of this.#losses.takeOfTails()) {
      this.#push(this.#press.pressTail(tail, lost), sent);
    }
    if (this.#losses.hasCurrent && this.#source.pendingCount === 0) {
      this.#queueCut(this.#source.heartbeat(), sent, none);
    }
  }

  /** An empty batch that is sent once and not queued; with it goes what is not declared yet. */
  heartbeat(status: Status | null): QueuedBatch {
    const cut = this.#source.heartbeat();
    this.#noteLost(cut);
    this.#noteTail(cut);
    const sideBlocks = this.#side.take(SIDE_BYTES);
    const dropped = this.#losses.take();
    return { ...this.#press.press(cut, dropped, status, undefined, sideBlocks), sideBlocks };
  }

  /** A heartbeat that was not heard: what it declared is declared again, and what rode in it rides again. */
  heartbeatFailed({ node, epoch, dropped, sideBlocks }: QueuedBatch): void {
    if (sideBlocks !== undefined) this.#side.giveBack(sideBlocks);
    if (dropped.length > 0)
      this.#losses.addDeclared({ node, epoch }, dropped, this.#isCurrent({ node, epoch }));
  }

  /** Whether a capture may put more into the queue, and nothing has to go for it. */
  get hasRoomToCapture(): boolean {
    return this.queue.isMostlyFree;
  }

  /** Queues the next batch of a capture; false: there is none now. */
  captureOne(
    source: CaptureSource,
    capture: { readonly id: string; readonly to: Hlc },
    sent: readonly QueuedBatch[],
  ): boolean {
    const cut = source.cut(capture.to);
    if (cut === null) return false;
    this.#queueCut(cut, sent, none, capture.id);
    return true;
  }

  /** Whether something of what a capture covers still waits. */
  isCaptureQueued(id: string, covered: { readonly lastSeq: number } | undefined): boolean {
    return this.queue.hasCapture(id, covered?.lastSeq ?? 0);
  }

  /** Batches of captures that were given up. */
  get captureLossCount(): number {
    return this.#captureLossCount;
  }

  /** Wants keyframes of these logs (null: all); `addKeyframes` makes them when it is time. */
  wantKeyframes(logs: readonly string[] | null): void {
    this.#reframing.ask(logs);
  }

  /**
   * Records keyframes: of logs that lost something, and those that are due. To be called while the
   * collector answers; as many as the queue has room for.
   */
  addKeyframes(nowMs: number): void {
    const logs = this.#reframing.takeDue(nowMs);
    if (logs !== undefined) this.#source.askKeyframes(logs);
    this.#source.addKeyframes(this.queue.roomBytes);
  }

  /** `isHeard`: whether what it said of the agent was taken with it. */
  acknowledged(entry: QueuedBatch, isHeard: boolean): void {
    if (this.queue.remove(entry)) this.ledger.acknowledge(eventCountOf(entry));
    if (isHeard) this.#onHeard(entry.tidings);
    else this.#onDisowned(entry.tidings);
  }

  /** Gives a batch up; it will be declared lost. */
  drop(entry: QueuedBatch, reason: DropReason): void {
    if (!this.queue.remove(entry)) return;
    this.#lose(entry, reason);
  }

  /** Parts a batch in two; false if it cannot be. */
  split(entry: QueuedBatch): boolean {
    const halves = this.#press.split(entry);
    if (halves === null) return false;
    this.queue.replace(entry, halves);
    return true;
  }

  /**
   * Another process has this epoch: nothing of it is ours to ship. Where it is the current one, all that
   * waits and all that is still cut of it is refused, and none of it declared: its seqs are not ours.
   */
  disown({ node, epoch }: EpochRef): void {
    for (const entry of this.queue.entriesOf(node, epoch)) {
      this.queue.remove(entry);
      this.ledger.drop("refused", eventCountOf(entry));
      this.#onDisowned(entry.tidings);
    }
    if (node !== this.#source.node || epoch !== this.#source.epoch) return;
    this.#isDisowned = true;
    this.#losses.forget();
    this.#lastCut = undefined;
  }

  /** Everything recorded is cut; the epoch is left. Later losses of it are declared under its own name. */
  leaveEpoch(sent: readonly QueuedBatch[]): void {
    // What nobody asked for is declared with the epoch's end.
    if (this.#source.onDemand !== undefined) this.#queueCut(this.#source.heartbeat(), sent, none);
    this.#isDisowned = false;
    if (this.#lastCut === undefined) return;
    const isWaiting = (left: EpochRef) => this.queue.entriesOf(left.node, left.epoch).length > 0;
    this.#losses.leave(this.#lastCut, isWaiting);
  }

  /** The time is up: what waits is counted and given up. */
  abandon(): void {
    for (let entry = this.queue.oldest; entry !== undefined; entry = this.queue.oldest) {
      this.queue.remove(entry);
      this.ledger.drop("shutdown", eventCountOf(entry));
    }
  }

  #queueCut(
    cut: SourceCut,
    sent: readonly QueuedBatch[],
    status: () => Status | null,
    capture?: string,
  ): void {
    if (this.#isDisowned) {
      this.ledger.drop("refused", cut.events.count);
      for (const range of cut.lost) this.#countLost(range);
      return;
    }
    this.#noteLost(cut);
    // Of what is read out of the past, the end is not where the epoch ends.
    if (capture === undefined) this.#noteTail(cut);
    this.#encode(cut, this.#losses.take(), sent, status(), capture);
  }

  #noteLost(cut: SourceCut): void {
    for (const range of cut.lost) {
      this.#losses.add(range);
      this.#countLost(range);
      // What the cut frames comes after what was lost before it.
      const names = range.logs?.filter((log) => !cut.framed.includes(log)) ?? null;
      if (range.reason !== "not-captured") this.#reframing.ask(names);
    }
  }

  /** What was not captured is in the window, and no loss yet: the source counts it. */
  #countLost(range: LostRange): void {
    if (range.reason !== "not-captured") this.ledger.drop(range.reason, eventCountOf(range));
  }

  /** Encodes and queues; a cut that is too large for a batch in two, until what is too large is alone. */
  #encode(
    cut: SourceCut,
    dropped: readonly LostRange[],
    sent: readonly QueuedBatch[],
    status: Status | null,
    capture: string | undefined,
  ): void {
    let entry: QueuedBatch;
    const sideBlocks = this.#side.take(SIDE_BYTES);
    try {
      entry = this.#press.press(cut, dropped, status, capture, sideBlocks);
    } catch (error) {
      this.#side.giveBack(sideBlocks);
      if (!isTooLarge(error)) this.#onError(error);
      const halves = isTooLarge(error) ? halvesOf(cut) : null;
      if (halves === null) {
        this.#giveUp(cut, dropped, capture);
        return;
      }
      this.#encode(halves[0], dropped, sent, status, capture);
      this.#encode(halves[1], this.#losses.take(), sent, null, capture);
      return;
    }
    this.#push(entry, sent);
  }

  /** A cut that cannot be encoded: as if the collector had refused it. */
  #giveUp(cut: SourceCut, dropped: readonly LostRange[], capture: string | undefined): void {
    const { node, epoch, firstSeq, closed, logs, framed, messages, events } = cut;
    const lastSeq = firstSeq + events.count - 1;
    const firstT = (events.count > 0 ? events.t[0] : closed) as typeof closed;
    this.#lose(
      {
        ...{ node, epoch, firstSeq, lastSeq, firstT, lastT: closed },
        ...{ logs, framed, messages, dropped, capture },
      },
      "refused",
    );
  }

  #push(entry: QueuedBatch, sent: readonly QueuedBatch[]): void {
    this.queue.push(entry);
    for (;;) {
      const oldest = this.queue.overflow(sent);
      if (oldest === undefined) return;
      this.drop(oldest, "overflow");
    }
  }

  #lose(entry: LostBatch, reason: DropReason): void {
    const { node, epoch, firstSeq, lastSeq, capture } = entry;
    const kept = this.#source.onDemand?.giveBack(node, epoch, firstSeq, lastSeq) ?? 0;
    this.ledger.drop(reason, eventCountOf(entry) - kept);
    if (capture !== undefined) this.#captureLossCount += 1;
    const isCurrent = this.#isCurrent(entry);
    this.#losses.addBatch(entry, reason, isCurrent);
    if (isCurrent) this.#reframing.askAfter(entry, reason);
  }

  #isCurrent({ node, epoch }: EpochRef): boolean {
    return node === this.#source.node && epoch === this.#source.epoch;
  }

  #noteTail({ node, epoch, service, firstSeq, events, closed }: SourceCut): void {
    this.#lastCut = { node, epoch, service, nextSeq: firstSeq + events.count, closed };
  }
}

const none = (): null => null;
