/**
 * The messages around a time: those that are kept joined (kept-messages.ts); else joined now.
 *
 * For the latter there are a few windows of joined messages (message-window.ts), so that several people can look at several
 * times. A question takes the window that its stretch touches and moves it along, or opens another;
 * what was used longest ago goes when memory is short.
 *
 * The first question at a place reads a minute of messages: in turns, if it can wait (`joinAround`). Until it has,
 * the window is nobody's; whoever asks for a time in it helps to read, instead of reading all of it again.
 */
import type { EpochRecord } from "../store/history-store.ts";
import type { EpochSource } from "./epoch-source.ts";
import type { KeptMessages } from "./kept-messages.ts";
import { MessageWindow, type OpenSend } from "./message-window.ts";
import type { Work } from "./turns.ts";

/** A window that grew longer than so many timeouts is begun anew around the question. */
const LONGEST = 24;
/** Events that came since a window was read, and the share of a timeout that it is moved by: read at once up to these. */
const FEW_EVENTS = 20_000;
const SHORT_MOVE = 1 / 16;
/** Windows that are read in turns at the same time; who needs another helps with the first of these. */
const MAX_READING = 4;

/** A window that is being read, a step at a time, by whoever needs it. */
interface Reading {
  readonly window: MessageWindow;
  readonly from: number;
  readonly to: number;
  readonly work: Work<void>;
  /** How often caches had been dropped when it began. */
  readonly dropCount: number;
  readerCount: number;
  isOver: boolean;
}

export class MessageWindows {
  readonly #source: EpochSource;
  readonly #timeout: number;
  readonly #limitBytes: number;
  readonly #kept: KeptMessages;
  /** The one used last comes last. */
  #windows: MessageWindow[] = [];
  #readings: readonly Reading[] = [];
  #dropCount = 0;

  constructor(source: EpochSource, kept: KeptMessages, timeout: number, limitBytes: number) {
    this.#source = source;
    this.#timeout = timeout;
    this.#limitBytes = limitBytes;
    this.#kept = kept;
  }

  dropCaches(): void {
    this.#windows = [];
    this.#dropCount += 1;
  }

  /** How many bytes the windows hold, about. */
  get bytes(): number {
    return this.#windows.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Windows that somebody is reading in turns. */
  get readingCount(): number {
    return this.#readings.length;
  }

  /** Sends in (t - timeout, t] in flight at `t`; `records`: all epochs. Reads what has not been read yet. */
  openAt(records: readonly EpochRecord[], t: number): OpenSend[] {
    const kept = this.#kept.openAt(t);
    if (kept !== undefined) return kept;
    const [from, to] = this.#around(t);
    const window = this.#touching(from, to);
    window.cover(records, from, to);
    this.#keep(window);
    return window.openAt(t);
  }

  /** Whether `openAt` has little to read. */
  isJoined(records: readonly EpochRecord[], t: number): boolean {
    if (this.#kept.openAt(t) !== undefined) return true;
    const [from, to] = this.#around(t);
    const most = this.#timeout * SHORT_MOVE;
    return this.#windows.some(
      (one) =>
        one.from <= from + most && one.to >= to - most && one.newCount(records) <= FEW_EVENTS,
    );
  }

  /** Reads what `openAt` would read, with a pause after each batch. `records`: all epochs. */
  *joinAround(records: readonly EpochRecord[], t: number): Work<void> {
    const [from, to] = this.#around(t);
    for (;;) {
      const other =
        this.#readings.find((one) => one.from <= to && one.to >= from) ??
        (this.#readings.length >= MAX_READING ? this.#readings[0] : undefined);
      if (other === undefined) break;
      yield* this.#read(other);
    }
    yield* this.#read(this.#begin(records, from, to));
  }

  #around(t: number): readonly [from: number, to: number] {
    return [t - this.#timeout, t + this.#timeout];
  }

  #begin(records: readonly EpochRecord[], from: number, to: number): Reading {
    const window = this.#touching(from, to);
    this.#windows = this.#windows.filter((one) => one !== window);
    const reading: Reading = {
      window,
      from: Math.min(window.from, from),
      to: Math.max(window.to, to),
      work: window.coverInSteps(records, from, to),
      dropCount: this.#dropCount,
      readerCount: 0,
      isOver: false,
    };
    this.#readings = [...this.#readings, reading];
    return reading;
  }

  /** Until it is read, by us or by others; once nobody reads any more it is given up. */
  *#read(reading: Reading): Work<void> {
    reading.readerCount += 1;
    try {
      while (!reading.isOver) {
        if (reading.work.next().done === true) {
          this.#end(reading);
          // What was read before everything was to be forgotten is not kept.
          if (reading.dropCount === this.#dropCount) this.#keep(reading.window);
        } else {
          yield;
        }
      }
    } catch (error) {
      this.#end(reading);
      throw error;
    } finally {
      reading.readerCount -= 1;
      if (reading.readerCount === 0 && !reading.isOver) {
        this.#end(reading);
        reading.work.return();
      }
    }
  }

  #end(reading: Reading): void {
    reading.isOver = true;
    this.#readings = this.#readings.filter((one) => one !== reading);
  }

  #keep(window: MessageWindow): void {
    this.#windows = [...this.#windows.filter((one) => one !== window), window];
    this.#makeRoom();
  }

  #touching(from: number, to: number): MessageWindow {
    const found = this.#windows.findLast(
      (one) =>
        one.from <= to &&
        one.to >= from &&
        Math.max(one.to, to) - Math.min(one.from, from) <= LONGEST * this.#timeout,
    );
    return found ?? new MessageWindow(this.#source, this.#timeout, from, to);
  }

  /** The window at hand goes too if it grew; one that just covers a question is needed whatever it takes. */
  #makeRoom(): void {
    while (this.bytes > this.#limitBytes && this.#windows.length > 0) {
      const [{ from, to }] = this.#windows as [MessageWindow, ...MessageWindow[]];
      if (this.#windows.length === 1 && to - from <= 3 * this.#timeout) return;
      this.#windows.shift();
    }
  }
}
