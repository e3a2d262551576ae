/**
 * The feed: hands the window to shipping, epoch by epoch, as batches in columns. It satisfies the
 * event-source port of agent/shipping without knowing it; runtime.ts joins the two.
 *
 *     index      0 .......... base ............ cursor ............ next
 *                earlier epochs | cut already     | not yet cut      |
 *     seq                         1, 2, 3 ...
 *
 * Cutting the last event ticks the clock, and that tick is `closed`: whatever is recorded later is later
 * than it. A batch that is not the last ends between two stamps, never inside a commit, and is closed at
 * its last event.
 *
 * Keyframes are events too; keyframes.ts makes them.
 */
import {
  assert,
  type EpochRef,
  type EventColumns,
  type EventRef,
  type Hlc,
  type KeyframeEvent,
  type LostRange,
  type Value,
} from "../kernel/index.ts";
import { CutColumns } from "./cut-columns.ts";
import { SHED_CODE } from "./event-window.ts";
import { Keyframes } from "./keyframes.ts";
import type { Recording } from "./recording.ts";
import { utf8Bytes } from "./texts.ts";

const EMPTY_STATE: ReadonlyMap<string, Value> = new Map();

type KeyframeBody = Omit<KeyframeEvent, "seq" | "t">;

/** Consecutive events of one epoch. The columns are good until the next cut. */
export interface Cut extends EpochRef {
  readonly service: string;
  readonly firstSeq: number;
  readonly closed: Hlc;
  readonly events: EventColumns;
  /** Events before `firstSeq` that were lost before they could be cut. */
  readonly lost: readonly LostRange[];
  /** Logs that its events change or frame. */
  readonly logs: readonly string[];
  /** Logs that its events frame. */
  readonly framed: readonly string[];
  /** Whether it holds a send or a receive. */
  readonly messages: boolean;
}

/** How the logs get their keyframes: made, or marked. */
export interface Framing {
  ask(logs: readonly string[] | null): void;
  addDue(roomBytes: number): void;
  addAll(): void;
  readonly skippedCount: number;
  readonly tooLarge: string | undefined;
}

export interface FeedOptions {
  /** What is made of keyframes at once is no larger: beyond it would push itself out on its way. */
  readonly keyframeBytes?: number;
  /** Instead of keyframes. */
  readonly marks?: Framing;
}

/** Logs named in a range of dropped events; where there are more it says "all logs". */
const MAX_NAMED_LOGS = 64;

export interface EpochIdentity extends EpochRef {
  readonly service: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly instance: string;
}

export class EventFeed {
  readonly #recording: Recording;
  #identity: EpochIdentity;
  #base = 0;
  /** Earlier epochs of which the window may hold events, oldest first: the index after their last. */
  #earlier: { readonly end: number; readonly base: number; readonly of: EpochIdentity }[] = [];
  #cursor = 0;
  #lastClosed: Hlc;
  readonly #columns = new CutColumns();
  readonly #keyframes: Framing;

  /** Opens the first epoch: its join is recorded here, and keyframes of what there is. */
  constructor(recording: Recording, identity: EpochIdentity, options: FeedOptions = {}) {
    this.#recording = recording;
    this.#identity = identity;
    const keyframeBytes = options.keyframeBytes ?? Number.POSITIVE_INFINITY;
    this.#keyframes = options.marks ?? new Keyframes(recording, this.#columns, keyframeBytes);
    this.#lastClosed = recording.clock.last;
    this.#join();
  }

  get identity(): EpochIdentity {
    return this.#identity;
  }

  get node(): string {
    return this.#identity.node;
  }

  get epoch(): number {
    return this.#identity.epoch;
  }

  /** Events recorded, of all epochs. */
  get recordedCount(): number {
    return this.#recording.window.nextIndex;
  }

  /** Window index of the first event not yet cut or passed over. */
  get cursor(): number {
    return this.#cursor;
  }

  /** Passes over events up to that index: somebody else (on-demand-feed.ts) says what becomes of them. */
  passTo(index: number): void {
    this.#cursor = index;
  }

  /** Events recorded and not yet cut. */
  get pendingCount(): number {
    return this.#recording.window.nextIndex - this.#cursor;
  }

  /** Keyframes not made because the log's state would not fit into a batch. */
  get skippedKeyframeCount(): number {
    return this.#keyframes.skippedCount;
  }

  /** Seq of an event in this epoch; below 1: it was in an earlier one. */
  seqOf(index: number): number {
    return index - this.#base + 1;
  }

  /** The index of what has, had or will have that seq in this epoch. */
  indexOf(seq: number): number {
    return seq - 1 + this.#base;
  }

  /** Epoch and seq of an event in the window, of earlier epochs too. */
  placeOf(index: number): EventRef {
    const earlier = this.#earlier.find(({ end }) => index < end);
    const { node, epoch } = earlier?.of ?? this.#identity;
    return { node, epoch, seq: index - (earlier?.base ?? this.#base) + 1 };
  }

  /** A log whose state does not fit into a keyframe, so that a loss in it cannot heal; undefined: none. */
  get unframedLog(): string | undefined {
    return this.#keyframes.tooLarge;
  }

  /** Asks for keyframes of these logs (null: all) at the next `addKeyframes`. Unknown names are ignored. */
  askKeyframes(logs: readonly string[] | null): void {
    this.#keyframes.ask(logs);
  }

  /** Records the keyframes that were asked for, and those that are due, as far as `roomBytes` goes. */
  addKeyframes(roomBytes: number = Number.POSITIVE_INFINITY): void {
    this.#keyframes.addDue(roomBytes);
  }

  /**
   * Lets go of events past the window's age and of variables that nothing names any more. Short, and
   * never throws: for a flush tick, or a slow timer where nothing is shipped.
   */
  tidy(): void {
    this.#recording.tidy();
  }

  /**
   * The next events as a batch; null: there are none. Also when events were lost and nothing came
   * after them: then it is empty and names them.
   */
  cut(): Cut | null {
    const { window } = this.#recording;
    if (this.#cursor === window.nextIndex) return null;
    const closed = this.#recording.clock.now(); // may throw: before anything is taken
    const lost: LostRange[] = [];
    this.#passEvicted(lost);
    this.#passShed(lost);
    return this.#cutFrom(closed, lost);
  }

  /** An empty batch: nothing is pending, and nothing later will be at or before `closed`. */
  heartbeat(): Cut {
    assert(this.pendingCount === 0, "a heartbeat promises nothing about events not yet cut");
    return this.#cutFrom(this.#recording.clock.now(), []);
  }

  /** Events that the window had to drop before they were cut. */
  #passEvicted(lost: LostRange[]): void {
    const { window } = this.#recording;
    const first = window.firstIndex;
    if (first <= this.#cursor) return;
    lost.push({
      firstSeq: this.seqOf(this.#cursor),
      lastSeq: this.seqOf(first - 1),
      firstT: (this.#lastClosed + 1) as Hlc,
      lastT: window.earliestT,
      logs: this.logsSoFar,
      messages: true,
      reason: "overflow",
    });
    this.#cursor = first;
  }

  /** All logs there are: the collector cannot know of one whose every event was dropped. null: too many. */
  get logsSoFar(): readonly string[] | null {
    const { logs } = this.#recording.table;
    return logs.length > MAX_NAMED_LOGS ? null : logs.map(({ name }) => name);
  }

  /** Changes at the cursor that were never recorded for want of room. */
  #passShed(lost: LostRange[]): void {
    const { window, table } = this.#recording;
    const start = this.#cursor;
    const logs = new Set<string>();
    let firstT = 0;
    let lastT = 0;
    while (this.#cursor < window.nextIndex) {
      const chunk = window.chunkOf(this.#cursor);
      const at = this.#cursor - chunk.firstIndex;
      if (chunk.kind[at] !== SHED_CODE) break;
      lastT = chunk.t[at] as number;
      if (this.#cursor === start) firstT = lastT;
      const log = table.logs[chunk.ref[at] as number];
      if (log !== undefined) logs.add(log.name);
      this.#cursor += 1;
    }
    if (this.#cursor === start) return;
    lost.push({
      firstSeq: this.seqOf(start),
      lastSeq: this.seqOf(this.#cursor - 1),
      firstT: firstT as Hlc,
      lastT: lastT as Hlc,
      logs: [...logs],
      messages: false,
      reason: "shed",
    });
  }

  #cutFrom(closed: Hlc, lost: readonly LostRange[]): Cut {
    const { window, table } = this.#recording;
    const columns = this.#columns;
    const start = this.#cursor;
    columns.copy(window, table, start);
    this.#cursor = columns.nextIndex;
    window.holdFrom = this.#cursor;
    for (const index of columns.keyframes) this.#shrinkKeyframe(index);
    const isLast = this.#cursor === window.nextIndex;
    this.#lastClosed = isLast ? closed : (columns.lastT as Hlc);
    return cutOf(this.#identity, this.seqOf(start), this.#lastClosed, columns, lost);
  }

  /** A keyframe that was cut changes nothing here: the window need not hold the state again. */
  #shrinkKeyframe(index: number): void {
    const chunk = this.#recording.window.chunkOf(index);
    const body = chunk.objects[chunk.ref[index - chunk.firstIndex] as number] as KeyframeBody;
    this.#recording.window.shrinkBody(index, { ...body, state: EMPTY_STATE });
  }

  /**
   * Opens a further epoch above `aboveEpoch`, with a join and keyframes; everything recorded so far
   * must have been cut. Its stamps are later than those of the epoch before.
   */
  openEpoch(identity: EpochIdentity): void {
    assert(this.pendingCount === 0, "the old epoch's events were cut before a new epoch opens");
    assert(
      identity.node !== this.node || identity.epoch > this.epoch,
      "an epoch is above the last",
    );
    const { firstIndex } = this.#recording.window;
    this.#earlier = this.#earlier.filter(({ end }) => end > firstIndex);
    this.#earlier.push({ end: this.#cursor, base: this.#base, of: this.#identity });
    this.#identity = identity;
    this.#base = this.#cursor;
    this.#join();
  }

  #join(): void {
    const { service, tags, instance } = this.#identity;
    const { clock } = this.#recording;
    const size = utf8Bytes(JSON.stringify(tags)) + utf8Bytes(service);
    this.#recording.body(clock.now(), { kind: "join", service, tags, instance }, size, false);
    this.#keyframes.addAll();
  }
}

/** What the columns hold, as a cut. */
export function cutOf(
  { node, epoch, service }: EpochIdentity,
  firstSeq: number,
  closed: Hlc,
  { events, logs, framed, messages }: CutColumns,
  lost: readonly LostRange[],
): Cut {
  return { node, epoch, service, firstSeq, closed, events, lost, logs, framed, messages };
}
