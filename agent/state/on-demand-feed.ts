/**
 * The feed of an on-demand node: hands out joins and goodbyes, says of all else that it was not captured,
 * and reads captures out of the window when somebody asks.
 *
 *     recorded = taken + kept + aged out
 *         taken      cut into a batch, or declared as shed: from there on shipping keeps the books
 *         kept       in the window; whoever asks in time gets it
 *         aged out   left the window unasked for
 */
import { type Hlc, KindCode, type LostRange } from "../kernel/index.ts";
import { CaptureReader } from "./capture-reader.ts";
import { CutColumns } from "./cut-columns.ts";
import { type Cut, cutOf, type EventFeed } from "./event-feed.ts";
import { SHED_CODE } from "./event-window.ts";
import { IndexRanges } from "./index-ranges.ts";
import type { KeyframeMarks } from "./keyframe-marks.ts";
import type { Recording } from "./recording.ts";

const LEAVE = KindCode.leave;

export class OnDemandFeed {
  readonly #recording: Recording;
  readonly #feed: EventFeed;
  readonly #marks: KeyframeMarks;
  readonly #maxKeyframeBytes: number;
  readonly #columns = new CutColumns();
  readonly #taken = new IndexRanges();
  /** Events before this index that were not taken are counted as aged out. */
  #agedUpTo = 0;
  #agedOutCount = 0;
  #joinEpoch = -1;
  #lastClosed: Hlc;

  constructor(
    recording: Recording,
    feed: EventFeed,
    marks: KeyframeMarks,
    maxKeyframeBytes: number,
  ) {
    this.#recording = recording;
    this.#feed = feed;
    this.#marks = marks;
    this.#maxKeyframeBytes = maxKeyframeBytes;
    this.#lastClosed = recording.clock.last;
  }

  /** Events that wait in the window for somebody to ask. */
  get keptCount(): number {
    this.#age();
    const { nextIndex } = this.#recording.window;
    return nextIndex - this.#agedUpTo - this.#taken.countIn(this.#agedUpTo, nextIndex);
  }

  /** Events that left the window, and nobody had asked for them. */
  get agedOutCount(): number {
    this.#age();
    return this.#agedOutCount;
  }

  #age(): void {
    const { firstIndex } = this.#recording.window;
    if (firstIndex <= this.#agedUpTo) return;
    const taken = this.#taken.countIn(this.#agedUpTo, firstIndex);
    this.#agedOutCount += firstIndex - this.#agedUpTo - taken;
    this.#agedUpTo = firstIndex;
    this.#taken.remove(0, firstIndex);
  }

  /** Lets go of what is past its age, and makes a round of marks if it is time. Never throws. */
  tidy(): void {
    const { clock, guard, window } = this.#recording;
    const hasLeft = guard.isAsleep || guard.offReason !== undefined;
    try {
      const now = Math.max(clock.last, clock.physicalNow()) as Hlc;
      window.keepFrom = hasLeft ? Number.POSITIVE_INFINITY : this.#marks.neededFrom(now);
      this.#recording.tidy();
      this.#age();
      if (!hasLeft) this.#marks.addIfDue(now); // nothing may follow a goodbye
    } catch (error) {
      guard.caught(error, "marking");
    }
  }

  /** A join or a goodbye, which travel at once; null: there is none. What comes before a goodbye is passed. */
  cut(): Cut | null {
    const { window, clock } = this.#recording;
    const feed = this.#feed;
    if (feed.cursor === window.nextIndex) return null;
    const isJoin = this.#joinEpoch !== feed.epoch;
    const last = window.nextIndex - 1;
    const { kind, firstIndex } = window.chunkOf(last);
    if (!isJoin && kind[last - firstIndex] !== LEAVE) return null;
    const start = isJoin ? feed.cursor : last;
    if (start < window.firstIndex) {
      this.#joinEpoch = feed.epoch; // the window did not hold on to its own join
      return null;
    }
    const closed = clock.now(); // may throw: before anything is taken
    const lost = isJoin ? [] : this.#rangesUpTo(last);
    this.#joinEpoch = feed.epoch;
    this.#columns.copy(window, this.#recording.table, start, start + 1);
    feed.passTo(start + 1);
    this.#taken.add(start, start + 1);
    this.#lastClosed = start === last ? closed : (this.#columns.lastT as Hlc);
    return cutOf(feed.identity, feed.seqOf(start), this.#lastClosed, this.#columns, lost);
  }

  /** An empty batch that says of everything up to now that it was not captured. */
  heartbeat(): Cut {
    const { window, table, clock } = this.#recording;
    const closed = clock.now(); // may throw: before anything is passed
    const lost = this.#pass();
    this.#columns.copy(window, table, window.nextIndex);
    const seq = this.#feed.seqOf(window.nextIndex);
    return cutOf(this.#feed.identity, seq, closed, this.#columns, lost);
  }

  /** The earliest time from which a capture could be read; undefined: none. */
  get earliestT(): Hlc | undefined {
    return this.#marks.rounds[0]?.t;
  }

  /** Begins to read what lies behind `from`; undefined: the window holds nothing that could be read. */
  capture(from: Hlc): CaptureReader | undefined {
    const parts = {
      ...{ recording: this.#recording, feed: this.#feed, marks: this.#marks, taken: this.#taken },
      maxKeyframeBytes: this.#maxKeyframeBytes,
      pass: () => this.#pass(),
    };
    return CaptureReader.from(parts, from);
  }

  /** Events from this index on are kept whatever their age; undefined: none are. */
  hold(index: number | undefined): void {
    this.#recording.window.holdFrom = index ?? Number.POSITIVE_INFINITY;
  }

  /** What was cut and could not be shipped: it is kept again, or aged out. Returns how much of it. */
  giveBack(node: string, epoch: number, firstSeq: number, lastSeq: number): number {
    const feed = this.#feed;
    if (node !== feed.node || epoch !== feed.epoch || lastSeq < firstSeq) return 0;
    this.#age();
    const base = feed.seqOf(0) - 1;
    const [start, end] = [firstSeq - 1 - base, lastSeq - base];
    this.#agedOutCount += Math.max(0, Math.min(end, this.#agedUpTo) - start);
    this.#taken.remove(start, end);
    return end - start;
  }

  /** To be called after a tick of the clock: what comes is later than all that is passed. */
  #pass(): LostRange[] {
    const { window, clock } = this.#recording;
    const lost = this.#rangesUpTo(window.nextIndex);
    this.#feed.passTo(window.nextIndex);
    this.#lastClosed = clock.last;
    return lost;
  }

  /** What lies between the cursor and `stop`, as lost: shed, or not captured. */
  #rangesUpTo(stop: number): LostRange[] {
    const { window, table } = this.#recording;
    const { cursor } = this.#feed;
    const ranges: LostRange[] = [];
    const first = Math.min(stop, Math.max(cursor, window.firstIndex));
    if (first > cursor) {
      const firstT = (this.#lastClosed + 1) as Hlc;
      ranges.push(this.#notCaptured(cursor, first, firstT, Math.max(firstT, window.earliestT)));
    }
    let start = first;
    for (let index = first; index < stop; ) {
      const chunk = window.chunkOf(index);
      const end = Math.min(stop, chunk.firstIndex + chunk.count);
      for (; index < end; index += 1) {
        if (chunk.kind[index - chunk.firstIndex] !== SHED_CODE) continue;
        if (index > start) ranges.push(this.#notCapturedIn(start, index));
        const name = table.logs[chunk.ref[index - chunk.firstIndex] as number]?.name;
        this.#pushShed(ranges, index, name === undefined ? null : [name]);
        start = index + 1;
      }
    }
    if (stop > start) ranges.push(this.#notCapturedIn(start, stop));
    return ranges;
  }

  #pushShed(ranges: LostRange[], index: number, logs: readonly string[] | null): void {
    const seq = this.#feed.seqOf(index);
    const t = this.#recording.window.tAt(index);
    this.#taken.add(index, index + 1);
    ranges.push({
      ...{ firstSeq: seq, lastSeq: seq, firstT: t, lastT: t, logs },
      ...{ messages: false, reason: "shed" },
    });
  }

  #notCapturedIn(start: number, stop: number): LostRange {
    const { window } = this.#recording;
    return this.#notCaptured(start, stop, window.tAt(start), window.tAt(stop - 1));
  }

  /**
   * It names the logs there are: one of which the collector has seen nothing is missing from a cut as much
   * as any; and one that comes later was not there yet, so a capture before it lacks nothing.
   */
  #notCaptured(start: number, stop: number, firstT: Hlc, lastT: number): LostRange {
    const [firstSeq, lastSeq] = [this.#feed.seqOf(start), this.#feed.seqOf(stop - 1)];
    return {
      ...{ firstSeq, lastSeq, firstT, lastT: lastT as Hlc },
      ...{ logs: this.#feed.logsSoFar, messages: true, reason: "not-captured" },
    };
  }
}
