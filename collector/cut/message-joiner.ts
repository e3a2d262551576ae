/**
 * Joins messages behind ingest, a stretch of time after the other, and keeps them (message-cells.ts).
 *
 *     |  kept  |  kept  |  next  |----- time-out -----|                 the newest first, then back to
 *                                                     ^ every live node is known so far   the beginning
 *
 * A stretch is claimed before its events are read: whoever stores an event between its ends meanwhile
 * breaks the claim, and later drops the stretch (store/joined.ts). So waiting for the watermark of live
 * nodes only saves work; that nothing is missing does not rest on it. What was dropped is joined again,
 * after a pause: an import breaks many.
 *
 * A stretch with more messages than memory for them is left out; cuts there join for themselves.
 */
import { type Hlc, MIN_HLC } from "../../agent/kernel/index.ts";
import type { EpochRecord, MessageCell } from "../store/history-store.ts";
import type { Behind } from "./behind.ts";
import type { EpochSource } from "./epoch-source.ts";
import type { KeptMessages } from "./kept-messages.ts";
import type { CutLimits } from "./limits.ts";
import { cellsOf, stretchOf, stretchUntil } from "./message-cells.ts";
import type { MessageSource } from "./message-source.ts";
import { MessageWindow } from "./message-window.ts";
import type { CutTimers } from "./timers.ts";
import type { Work } from "./turns.ts";

const NEVER = Number.NEGATIVE_INFINITY;

export class MessageJoiner {
  readonly #source: EpochSource;
  readonly #messages: MessageSource;
  readonly #kept: KeptMessages;
  readonly #limits: CutLimits;
  readonly #timers: CutTimers;
  readonly #behind: Behind;
  /** Beginnings of stretches with too many messages, or with damaged ones. */
  readonly #notKept = new Set<number>();
  #running: Promise<void> | undefined;
  #isAsked = false;
  /** Up to here every stretch was looked at. */
  #lookedTo = NEVER;
  /** Stretches kept when the last pass ended. */
  #keptCount = 0;
  /** Whether stretches that were looked at may be missing. */
  #isStale = true;
  #highestId = 0;
  #wholePassMs = NEVER;
  #cancelPause: (() => void) | undefined;
  #stretchCount = 0;
  #failure: unknown;

  constructor(
    source: EpochSource,
    messages: MessageSource,
    kept: KeptMessages,
    limits: CutLimits,
    timers: CutTimers,
    behind: Behind,
  ) {
    this.#source = source;
    this.#messages = messages;
    this.#kept = kept;
    this.#limits = limits;
    this.#timers = timers;
    this.#behind = behind;
  }

  /** Stretches joined since the start. */
  get stretchCount(): number {
    return this.#stretchCount;
  }

  /** Why the last work ended early, if it did: cuts are then slower, not different. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Something became durable. Returns at once, never throws. */
  notify(): void {
    if (this.#behind.isClosed) return;
    this.#isAsked = true;
    this.#running ??= this.#work();
  }

  /** Resolves once nothing is left to do at present. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  close(): void {
    this.#cancelPause?.();
  }

  async #work(): Promise<void> {
    try {
      while (this.#isAsked && !this.#behind.isClosed) {
        this.#isAsked = false;
        await this.#behind.turn();
        await this.#pass(this.#source.store.epochs());
      }
    } catch (error) {
      this.#failure = error;
    } finally {
      this.#running = undefined;
    }
  }

  /** From the latest stretch that is over back to those looked at before; at times to the beginning. */
  async #pass(records: readonly EpochRecord[]): Promise<void> {
    const { plan } = this.#kept;
    this.#noteStale(records);
    const isWhole = this.#isStale && this.#isPauseOver();
    if (isWhole) this.#isStale = false;
    const top = stretchOf(plan, this.#settledTo(records) - plan.timeout + 1) - plan.stretch;
    const downTo = isWhole ? NEVER : this.#lookedTo;
    for (let from: number | undefined = top; from !== undefined && from > downTo; ) {
      if (!this.#isDone(from)) {
        from = this.#latestNeeded(records, from);
        if (from === undefined || from <= downTo) break;
        if (!this.#isDone(from) && !(await this.#join(from))) this.#isStale = true;
      }
      if (this.#behind.isClosed) return;
      from -= plan.stretch;
    }
    this.#lookedTo = top;
    this.#keptCount = this.#source.store.messageStretches().length;
  }

  #isDone(from: number): boolean {
    return this.#kept.has(from) || this.#notKept.has(from);
  }

  /** Where something was dropped, or an epoch of earlier came, all is looked through again. */
  #noteStale(records: readonly EpochRecord[]): void {
    const isDropped = this.#source.store.messageStretches().length < this.#keptCount;
    const isOlder = ({ id, joined }: EpochRecord): boolean =>
      id > this.#highestId && joined <= this.#lookedTo;
    if (isDropped || records.some(isOlder)) this.#isStale = true;
    this.#highestId = records.at(-1)?.id ?? 0;
  }

  #isPauseOver(): boolean {
    const now = this.#timers.nowMs();
    const leftMs = this.#wholePassMs + this.#limits.rejoinPauseMs - now;
    // A clock that was set back ends the pause.
    if (leftMs <= 0 || leftMs > this.#limits.rejoinPauseMs) {
      this.#wholePassMs = now;
      return true;
    }
    this.#cancelPause ??= this.#timers.after(leftMs, () => {
      this.#cancelPause = undefined;
      this.notify();
    });
    return false;
  }

  /** Up to where every node that still speaks is known. */
  #settledTo(records: readonly EpochRecord[]): number {
    const silentSinceMs = this.#timers.nowMs() - this.#limits.suspectAfterMs;
    let settled = NEVER;
    let slowest = Number.POSITIVE_INFINITY;
    for (const { watermark, closed, end, imported, lastArrivalMs, named } of records) {
      settled = Math.max(settled, closed);
      const speaks = end === null && !imported && named !== true && lastArrivalMs >= silentSinceMs;
      if (speaks) slowest = Math.min(slowest, watermark);
    }
    return Math.min(settled, slowest);
  }

  /**
   * The latest stretch at or before `from` that a question may need: one in which, or beside which, anybody
   * may have sent, because a question may reach over two. Undefined: none.
   */
  #latestNeeded(records: readonly EpochRecord[], from: number): number | undefined {
    const { plan } = this.#kept;
    const end = from + 2 * plan.stretch - 1;
    let last = NEVER;
    for (const record of records) {
      if (record.joined > end) continue;
      last = Math.max(last, this.#messages.lastSendBefore(record, end as Hlc));
      if (last >= from - plan.stretch) return from;
    }
    return last <= MIN_HLC ? undefined : stretchOf(plan, last) + plan.stretch;
  }

  /** False if the stretch is not kept: its claim was broken, or this was closed. */
  async #join(from: number): Promise<boolean> {
    const { store } = this.#source;
    const until = stretchUntil(this.#kept.plan, from);
    const claim = store.claimMessages(from as Hlc, until);
    // As they are now: what was stored since the pass began, before this claim, breaks nothing.
    const records = store.epochs();
    let cells: MessageCell[] | undefined;
    try {
      cells = await this.#behind.run(this.#cellsOf(records, from, until));
      if (cells === undefined) return false;
      await store.writeMessages(claim, cells);
    } finally {
      store.giveUpMessages(claim);
    }
    this.#stretchCount += 1;
    return this.#kept.has(from);
  }

  *#cellsOf(
    records: readonly EpochRecord[],
    from: number,
    until: number,
  ): Work<MessageCell[] | undefined> {
    const { plan } = this.#kept;
    const window = new MessageWindow(this.#source, plan.timeout, from, until);
    for (const _ of window.coverInSteps(records, from, until)) {
      if (window.bytes > this.#limits.digestCacheBytes) {
        this.#notKept.add(from);
        return undefined;
      }
      yield;
    }
    const cells = yield* cellsOf(plan, from, (first, last) => window.spans(first, last));
    // Joined over damage it would be kept as if all were there: each question reads it, and is told.
    const isDamaged = ({ id }: EpochRecord): boolean =>
      this.#source.isDamagedBetween(id, from - plan.timeout, until + plan.timeout, true);
    if (cells !== undefined && !records.some(isDamaged)) return cells;
    this.#notKept.add(from);
    return undefined;
  }
}
