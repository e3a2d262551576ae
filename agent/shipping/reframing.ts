/**
 * Reframing: which logs want a keyframe, after a loss or because the collector asked, and when they get it.
 *
 * Keyframes are events, and where events are being lost some of them will be too. So they are asked for
 * at once, but seldom while the losses go on: each time that follows soon on the one before waits twice
 * as long. A loss that goes on for ever costs a round of keyframes every 30 s.
 */
import type { DropReason } from "../kernel/index.ts";
import type { QueuedBatch } from "./batch-queue.ts";

/** Logs waiting for a keyframe by name; beyond, all logs wait. */
const MAX_WAITING_LOGS = 1_024;
/** The wait after a round, while rounds follow each other; doubling. */
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;
/** After so long without a wish the next round is the first again. */
const CALM_MS = 5_000;

export class Reframing {
  /** null: all. */
  #waiting: Set<string> | null = new Set();
  #waitMs = 0;
  #notBeforeMs = 0;

  /** Notes logs that want one; null: all. */
  ask(logs: readonly string[] | null): void {
    if (logs === null) this.#waiting = null;
    else for (const log of logs) this.#waiting?.add(log);
    if ((this.#waiting?.size ?? 0) > MAX_WAITING_LOGS) this.#waiting = null;
  }

  /** Notes what a loss touched. A keyframe that was refused would be refused again: its log waits for its next changes. */
  askAfter(entry: Pick<QueuedBatch, "logs" | "framed" | "dropped">, reason: DropReason): void {
    const isHopeless = (log: string) => reason === "refused" && entry.framed.includes(log);
    this.ask(entry.logs.filter((log) => !isHopeless(log)));
    for (const { logs } of entry.dropped) this.ask(logs);
  }

  /** The logs that get one now (null: all), if there are any and it is time. */
  takeDue(nowMs: number): readonly string[] | null | undefined {
    const waiting = this.#waiting;
    if (waiting?.size === 0 || nowMs < this.#notBeforeMs) return undefined;
    const goesOn = this.#waitMs > 0 && nowMs < this.#notBeforeMs + CALM_MS;
    this.#waitMs = goesOn ? Math.min(LONGEST_WAIT_MS, this.#waitMs * 2) : FIRST_WAIT_MS;
    this.#notBeforeMs = nowMs + this.#waitMs;
    this.#waiting = new Set();
    return waiting === null ? null : [...waiting];
  }
}
