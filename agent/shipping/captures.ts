/**
 * Captures: windows that the collector asked for, on their way.
 *
 *     asked -> (`from` comes) -> read and queued, as far as the queue has room -> (`to` has passed)
 *           -> all of it acknowledged, or given up -> reported
 *
 * One is read at a time, the others wait. Those around now are read while time passes, so that nothing is
 * held back for them; what is being read is held in the window, by a bound of time and of the window's
 * own bytes. What cannot be had is reported, never guessed.
 *
 * A node that ships everything ships nothing more for a capture: it reports when `to` has been shipped.
 */
import {
  addMs,
  type CaptureReport,
  formatHlc,
  type Hlc,
  MAX_CAPTURE_REPORTS,
} from "../kernel/index.ts";
import type { QueuedBatch } from "./batch-queue.ts";
import type { CaptureSource, OnDemandSource } from "./event-source.ts";
import type { Outbox } from "./outbox.ts";
import type { Tidings } from "./tidings.ts";

/** A `to` that lies further ahead is cut off there. */
export const MAX_AHEAD_MS = 60_000;
/** Once `to` has passed, what was not read and acknowledged within so long is given up. */
export const MAX_READING_MS = 10_000;
/** Captures known at a time, waiting or under way. */
export const MAX_CAPTURES: number = MAX_CAPTURE_REPORTS;

/** Batches cut in a row before the host gets its turn. */
const MAX_CUTS_PER_STEP = 4;

interface Capture {
  readonly id: string;
  readonly from: Hlc;
  readonly to: Hlc;
  /** Since when `to` is past; undefined: it is not. */
  pastMs: number | undefined;
  reader: CaptureSource | undefined;
  /** Whether all of it was read and queued. */
  isRead: boolean;
}

export class Captures {
  readonly #source: OnDemandSource | undefined;
  readonly #outbox: Outbox;
  readonly #tidings: Tidings;
  #captures: readonly Capture[] = [];

  constructor(source: OnDemandSource | undefined, outbox: Outbox, tidings: Tidings) {
    this.#source = source;
    this.#outbox = outbox;
    this.#tidings = tidings;
  }

  get isIdle(): boolean {
    return this.#captures.length === 0;
  }

  /** Takes a command; false: it makes no sense, or too many are under way. The same one twice is one. */
  ask(id: string, from: Hlc, to: Hlc, now: Hlc): boolean {
    if (this.#captures.some((one) => one.id === id)) return true;
    if (from > to || this.#captures.length >= MAX_CAPTURES) return false;
    const latest = addMs(now, MAX_AHEAD_MS);
    const end = Math.min(to, Math.max(latest, from)) as Hlc;
    this.#captures = [
      ...this.#captures,
      { id, from, to: end, pastMs: undefined, reader: undefined, isRead: false },
    ];
    return true;
  }

  /**
   * Goes on with what is under way. To be called at each tick and after each answer.
   * @param now the node's own time
   */
  step(now: Hlc, nowMs: number, sent: readonly QueuedBatch[]): void {
    for (const capture of this.#captures) if (now >= capture.to) capture.pastMs ??= nowMs;
    const capture = this.#captures[0];
    if (capture === undefined) return;
    if (this.#source === undefined) this.#stepStreamed(capture);
    else if (now > capture.from || capture.pastMs !== undefined) {
      this.#stepOnDemand(this.#source, capture, nowMs, sent);
    }
  }

  #stepOnDemand(
    source: OnDemandSource,
    capture: Capture,
    nowMs: number,
    sent: readonly QueuedBatch[],
  ): void {
    const isPast = capture.pastMs !== undefined;
    const isLate = isPast && nowMs - (capture.pastMs ?? nowMs) > MAX_READING_MS;
    capture.reader ??= source.capture(capture.from);
    const { reader } = capture;
    if (reader !== undefined && !isLate && !capture.isRead) {
      let cuts = 0;
      let hasMore = true;
      while (hasMore && cuts < MAX_CUTS_PER_STEP && this.#outbox.hasRoomToCapture) {
        hasMore = this.#outbox.captureOne(reader, capture, sent);
        cuts += 1;
      }
      capture.isRead = reader.isOver || (isPast && !hasMore);
      source.hold(capture.isRead ? undefined : reader.nextIndex);
    }
    const isRead = capture.isRead || (reader === undefined && isPast);
    if (!isLate && (!isRead || this.#outbox.isCaptureQueued(capture.id))) return;
    source.hold(undefined);
    this.#end(capture, this.#reportOf(capture, reader));
  }

  /** Another epoch begins: what was under way ends with what it has. */
  endEpoch(): void {
    for (const capture of this.#captures) {
      if (capture.reader === undefined) continue;
      this.#end(capture, this.#reportOf(capture, capture.reader, true));
    }
    this.#source?.hold(undefined);
  }

  /** Everything is shipped as it comes: all that is needed is that it has come. */
  #stepStreamed(capture: Capture): void {
    if (capture.pastMs === undefined || this.#outbox.queuedCount > 0) return;
    const { id, from, to } = capture;
    this.#end(capture, { id, state: "shipped", from: formatHlc(from), to: formatHlc(to) });
  }

  #end(capture: Capture, report: CaptureReport): void {
    this.#captures = this.#captures.filter((one) => one !== capture);
    this.#outbox.forgetCapture(capture.id);
    this.#tidings.report(report);
  }

  #reportOf(
    { id, from, to }: Capture,
    reader: CaptureSource | undefined,
    isOver: boolean = reader?.isOver === true,
  ): CaptureReport {
    const earliestT = this.#source?.earliestT;
    const earliest = earliestT === undefined ? {} : { earliest: formatHlc(earliestT) };
    if (reader === undefined || reader.fromT > to || reader.reachedT <= from) {
      return { id, state: "outside-window", ...earliest };
    }
    const isShipped = !this.#outbox.isCaptureQueued(id) && !this.#outbox.hasLostOf(id);
    const isWhole = !reader.hasGap && reader.reachedT >= to && isShipped;
    return {
      ...{ id, state: isWhole ? "shipped" : "partial" },
      from: formatHlc(Math.max(from, reader.fromT) as Hlc),
      to: formatHlc(Math.min(to, reader.reachedT) as Hlc),
      ...(isOver ? {} : { firstSeq: reader.firstSeq, lastSeq: reader.lastSeq }),
      ...earliest,
    };
  }
}
