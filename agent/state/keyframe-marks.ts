/**
 * Keyframe marks: how an on-demand node keeps places at which a capture may begin, for nearly nothing.
 *
 *     window    m m m  a b c d  m m m  e f g h i  m m m  j k
 *               round 1         round 2           round 3     ^ now
 *
 * A mark is an event with its own seq and stamp that stands for the keyframe of one log, without its
 * content: while nothing is shipped nobody needs that, and whoever ships a mark makes it, exactly, by
 * rolling the window back to it (capture-reader.ts). A round marks every log. A log that comes later is
 * marked at once, before its first change: it was empty then. So from a round on, all is known.
 *
 * Rounds cost a capture the events from the round to where it was asked to begin, and the keyframes of
 * the rounds inside it. So there is one after as many events as there are variables, but no more than
 * one a second; and where less happens, one after 10 s, unless nothing happened at all. Half a window
 * without one ends either rule: a round is always among what the window holds. And the latest round that is
 * half a window old stays, whatever the age of the next event: a stamp that came with a message may set the
 * time of this node ahead by more than a window, and all that just happened is old then.
 */
import { type EventBody, type Hlc, KindCode, TICKS_PER_MS, type Value } from "../kernel/index.ts";
import type { Recording } from "./recording.ts";
import type { LogRecord } from "./variable-table.ts";

const MIN_INTERVAL_TICKS: number = 1_000 * TICKS_PER_MS;
const MAX_INTERVAL_TICKS: number = 10_000 * TICKS_PER_MS;
/** Under pressure of memory a round still needs so many events since the last. */
const MIN_EVENTS = 64;
const NO_STATE: ReadonlyMap<string, Value> = new Map();

/** Marks of all logs, next to each other: nothing else was recorded between them. */
export interface Round {
  /** Window indexes of its marks: [start, end). */
  readonly start: number;
  readonly end: number;
  /** From here on, and not before, everything is known ... */
  readonly t: Hlc;
  /** ... but for a log that turned out to be too large for a keyframe. */
  isWhole: boolean;
  /** With it the epoch begins: nothing before it says that anything is not known. */
  readonly isFirst: boolean;
}

export class KeyframeMarks {
  readonly #recording: Recording;
  readonly #maxAgeTicks: number;
  readonly #bodies = new Map<number, EventBody>();
  #rounds: Round[] = [];
  /** A log whose state did not fit into a keyframe when it was captured; undefined: none. */
  tooLarge: string | undefined;
  readonly skippedCount = 0;

  constructor(recording: Recording, maxAgeTicks: number) {
    this.#recording = recording;
    this.#maxAgeTicks = maxAgeTicks;
    recording.onLog = (log) => this.#mark(log);
  }

  /** Nobody gets a keyframe for the asking here: a capture begins with them, and without one none is sent. */
  ask(_logs: readonly string[] | null): void {}

  /** As `ask`: rounds are made by `addIfDue`. */
  addDue(_roomBytes: number): void {}

  /** The first round of an epoch; earlier ones belong to another. */
  addAll(): void {
    this.#rounds = [];
    this.#addRound(true);
  }

  /** The rounds of this epoch that the window holds whole, oldest first. */
  get rounds(): readonly Round[] {
    const first = this.#recording.window.firstIndex;
    const held = this.#rounds.findIndex((round) => !isGone(round, first));
    if (held !== 0) this.#rounds = held < 0 ? [] : this.#rounds.slice(held);
    const [oldest] = this.#rounds;
    return oldest === undefined || oldest.start >= first ? this.#rounds : this.#rounds.slice(1);
  }

  /**
   * The round of the mark at a window index; undefined: it is of a log that was new then. It may begin before
   * the window: nobody begins there any more, but whoever reads through it makes the content of its marks.
   */
  roundAt(index: number): Round | undefined {
    return this.#rounds.find(({ start, end }) => start <= index && index < end);
  }

  /** From this window index on all is needed, so that half a window can be captured at `now`. */
  neededFrom(now: Hlc): number {
    const latest = (now - this.#maxAgeTicks / 2) as Hlc;
    const { rounds } = this;
    return (
      (rounds.findLast(({ t }) => t <= latest) ?? rounds[0])?.start ?? Number.POSITIVE_INFINITY
    );
  }

  /** Makes a round if it is time. `now`: at or after the latest stamp. */
  addIfDue(now: Hlc): void {
    if (this.#isDue(now)) this.#addRound();
  }

  #isDue(now: Hlc): boolean {
    const { window, table } = this.#recording;
    const last = this.rounds.at(-1);
    if (last === undefined) return true; // the window could not even hold one
    const eventCount = window.nextIndex - last.end;
    const agedTicks = now - last.t;
    if (agedTicks >= this.#maxAgeTicks / 2) return true;
    const isPressed = window.isHalfFull && last.end < (window.firstIndex + window.nextIndex) / 2;
    if (isPressed && eventCount >= Math.max(MIN_EVENTS, table.logs.length)) return true;
    if (eventCount === 0 || agedTicks < MIN_INTERVAL_TICKS) return false;
    return eventCount >= table.size || agedTicks >= MAX_INTERVAL_TICKS;
  }

  #addRound(isFirst: boolean = false): void {
    const { window, clock, table } = this.#recording;
    const start = window.nextIndex;
    for (const log of table.logs) {
      if (log.isKnown && log.missing.isEmpty) this.#mark(log);
      // The epoch would seem to begin with this log empty.
      else if (isFirst && !log.missing.isEmpty) this.#recording.loseLog(log);
    }
    const end = window.nextIndex;
    const t = end > start ? clock.last : clock.now();
    this.#rounds.push({ start, end, t, isWhole: true, isFirst });
  }

  #mark(log: LogRecord): void {
    const { window, clock } = this.#recording;
    let body = this.#bodies.get(log.index);
    if (body === undefined) {
      body = { kind: "keyframe", log: log.name, state: NO_STATE };
      this.#bodies.set(log.index, body);
    }
    window.appendBody(clock.now(), KindCode.keyframe, body, 0);
  }
}

/** A round without marks, of a node without logs, is whole as long as nothing after it has left. */
function isGone({ start, end }: Round, first: number): boolean {
  return end <= first && start < first;
}
