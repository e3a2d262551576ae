/**
 * Captures: windows that the collector asked for, on their way.
 *
 *     asked -> (`from` comes) -> read and queued, as far as the queue has room -> (`to` has passed)
 *           -> all of it acknowledged, or given up -> reported
 *
 * Those around now are read while time passes, so that nothing is held back for them; what is being read
 * is held in the window, by a bound of time and of the window's own bytes. Each reads on its own, so one
 * that waits for its end keeps no other waiting; what one has read the others leave out. What cannot be
 * had is reported, never guessed.
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
  /** Whether more was asked for: an end that lies too far ahead. */
  readonly isCutOff: boolean;
  /** Since when `to` is past; undefined: it is not. */
  pastMs: number | undefined;
  reader: CaptureSource | undefined;
  /** Whether all of it was read and queued. */
  isRead: boolean;
  /** Batches of captures that were given up before it: of what another has read, this one sends nothing. */
  readonly lossesBefore: number;
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
    const asked: Capture = {
      ...{
        id,
        from,
        to: end,
        isCutOff: end < to,
        pastMs: undefined,
        reader: undefined,
        isRead: false,
      },
      lossesBefore: this.#outbox.captureLossCount,
    };
    this.#captures = [...this.#captures, asked];
    return true;
  }

  /**
   * Goes on with what is under way. To be called at each tick and after each answer.
   * @param now the node's own time
   */
  step(now: Hlc, nowMs: number, sent: readonly QueuedBatch[]): void {
    for (const capture of this.#captures) {
      if (now >= capture.to) capture.pastMs ??= nowMs;
      if (this.#source === undefined) this.#stepStreamed(capture);
      else if (now > capture.from || capture.pastMs !== undefined) {
        this.#read(this.#source, capture, sent);
        if (this.#isOver(capture, nowMs)) this.#end(capture, this.#reportOf(capture));
      }
    }
    this.#hold();
  }

  #read(source: OnDemandSource, capture: Capture, sent: readonly QueuedBatch[]): void {
    capture.reader ??= source.capture(capture.from);
    const { reader } = capture;
    const isPast = capture.pastMs !== undefined;
    if (reader === undefined) capture.isRead = isPast;
    for (let cuts = 0; cuts < MAX_CUTS_PER_STEP && reader !== undefined; cuts += 1) {
      if (capture.isRead || !this.#outbox.hasRoomToCapture) return;
      const hasMore = this.#outbox.captureOne(reader, capture, sent);
      capture.isRead = reader.isOver || (isPast && !hasMore);
      if (!hasMore) return;
    }
  }

  /** Whether it is read and acknowledged, or its time is up. */
  #isOver({ id, isRead, pastMs, reader }: Capture, nowMs: number): boolean {
    if (pastMs !== undefined && nowMs - pastMs > MAX_READING_MS) return true;
    return isRead && !this.#outbox.isCaptureQueued(id, reader);
  }

  /** What is still to be read stays in the window. */
  #hold(): void {
    const indexes = this.#captures.flatMap(({ reader, isRead }) =>
      reader === undefined || isRead || reader.isOver ? [] : [reader.nextIndex],
    );
    this.#source?.hold(indexes.length === 0 ? undefined : Math.min(...indexes));
  }

  /** Another epoch begins: what was under way ends with what it has. */
  endEpoch(): void {
    for (const capture of this.#captures) {
      if (capture.reader === undefined) continue;
      this.#end(capture, this.#reportOf(capture, true));
    }
    this.#hold();
  }

  /** Everything is shipped as it comes: all that is needed is that it has come. */
  #stepStreamed(capture: Capture): void {
    if (capture.pastMs === undefined || this.#outbox.queuedCount > 0) return;
    const { id, from, to, isCutOff } = capture;
    const state = isCutOff ? "partial" : "shipped";
    this.#end(capture, { id, state, from: formatHlc(from), to: formatHlc(to) });
  }

  #end(capture: Capture, report: CaptureReport): void {
    this.#captures = this.#captures.filter((one) => one !== capture);
    this.#tidings.report(report);
  }

  #reportOf(capture: Capture, isOver: boolean = capture.reader?.isOver === true): CaptureReport {
    const { id, from, to, reader } = capture;
    const earliestT = this.#source?.earliestT;
    const earliest = earliestT === undefined ? {} : { earliest: formatHlc(earliestT) };
    if (reader === undefined || reader.fromT > to || reader.reachedT <= from) {
      return { id, state: "outside-window", ...earliest };
    }
    const hasLost = this.#outbox.captureLossCount > capture.lossesBefore;
    const isShipped = !hasLost && !this.#outbox.isCaptureQueued(id, reader);
    const isRead = !reader.hasGap && reader.reachedT >= to && !capture.isCutOff;
    const isWhole = isRead && isShipped;
    return {
      ...{ id, state: isWhole ? "shipped" : "partial" },
      from: formatHlc(Math.max(from, reader.fromT) as Hlc),
      to: formatHlc(Math.min(to, reader.reachedT) as Hlc),
      ...(isOver ? {} : { firstSeq: reader.firstSeq, lastSeq: reader.lastSeq }),
      ...earliest,
    };
  }
}
