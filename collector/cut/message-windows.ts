/**
 * The messages around a time: those that are kept joined (kept-messages.ts); else joined now.
 *
 * For the latter there are a few windows of joined messages (message-window.ts), so that several people can look at several
 * times. A question takes the window that its stretch touches and moves it along, or opens another;
 * what was used longest ago goes when memory is short.
 */
import type { EpochRecord } from "../store/history-store.ts";
import type { EpochSource } from "./epoch-source.ts";
import type { KeptMessages } from "./kept-messages.ts";
import { MessageWindow, type OpenSend } from "./message-window.ts";

/** A window that grew longer than so many timeouts is begun anew around the question. */
const LONGEST = 24;

export class MessageWindows {
  readonly #source: EpochSource;
  readonly #timeout: number;
  readonly #limitBytes: number;
  readonly #kept: KeptMessages;
  /** The one used last comes last. */
  #windows: MessageWindow[] = [];

  constructor(source: EpochSource, kept: KeptMessages, timeout: number, limitBytes: number) {
    this.#source = source;
    this.#timeout = timeout;
    this.#limitBytes = limitBytes;
    this.#kept = kept;
  }

  dropCaches(): void {
    this.#windows = [];
  }

  /** How many bytes the windows hold, about. */
  get bytes(): number {
    return this.#windows.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Sends in (t - timeout, t] in flight at `t`; `records`: all epochs. */
  openAt(records: readonly EpochRecord[], t: number): OpenSend[] {
    const kept = this.#kept.openAt(t);
    if (kept !== undefined) return kept;
    const from = t - this.#timeout;
    const to = t + this.#timeout;
    const window = this.#touching(from, to);
    window.cover(records, from, to);
    this.#windows = [...this.#windows.filter((one) => one !== window), window];
    this.#makeRoom();
    return window.openAt(t);
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
