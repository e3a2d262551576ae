/** How far a search has come, told now and then: as it gets on, and so that the connection lives. */
import type { Hlc } from "../../../agent/kernel/index.ts";
import type { CutTimers } from "../../cut/timers.ts";
import type { ProgressLine } from "../interpret/lines.ts";
import { timeJson } from "../interpret/output.ts";
import type { JobState, WriteLines } from "./job.ts";
import type { TimeRange } from "./known-names.ts";
import type { RunnerLimits } from "./run-limits.ts";

/** How far a search has come, where that is not how far the pass at hand has. */
export interface ToldProgress {
  readonly searchedTo: Hlc;
  readonly fraction: number;
}

export interface ProgressOptions {
  readonly query: number;
  readonly range: TimeRange;
  readonly timers: CutTimers;
  readonly limits: RunnerLimits;
  readonly write: WriteLines;
  /** Whether the `start` of the query is written: nothing is told before it, however long that takes. */
  readonly isStarted: () => boolean;
  /** How far the search had come before: told instead, as a pass may not be the last. */
  readonly instead: ToldProgress | undefined;
}

export class Progress {
  readonly #options: ProgressOptions;
  #toldMs: number;
  #searchedTo: Hlc;
  #state: JobState | undefined;
  #isWriting = false;
  #isOver = false;
  #cancelLook: () => void = () => {};

  constructor(options: ProgressOptions) {
    this.#options = options;
    this.#searchedTo = options.range.from;
    this.#toldMs = options.timers.nowMs();
    this.#lookLater();
  }

  /** What the evaluating thread said last. */
  get state(): JobState | undefined {
    return this.#state;
  }

  /** Everything up to `searchedTo` is evaluated. */
  evaluated(state: JobState, searchedTo: Hlc): void {
    this.#state = state;
    this.#searchedTo = searchedTo;
    this.#tellIfDue(this.#options.limits.progressMs);
  }

  /** Nothing is told any more: the last lines come. May be called twice. */
  end(): void {
    this.#isOver = true;
    this.#cancelLook();
  }

  #lookLater(): void {
    const { timers, limits } = this.#options;
    this.#cancelLook = timers.after(limits.aliveMs, () => {
      if (this.#isOver) return;
      this.#tellIfDue(limits.aliveMs);
      this.#lookLater();
    });
  }

  #tellIfDue(everyMs: number): void {
    const { query, range, timers, write, isStarted, instead } = this.#options;
    if (this.#isOver || !isStarted()) return;
    const nowMs = timers.nowMs();
    // Whoever reads slowly is not told more often than he reads.
    if (nowMs - this.#toldMs < everyMs || this.#isWriting) return;
    this.#toldMs = nowMs;
    this.#isWriting = true;
    const { from, to } = range;
    const share = to === from ? 1 : (this.#searchedTo - from) / (to - from);
    const { searchedTo, fraction } = instead ?? { searchedTo: this.#searchedTo, fraction: share };
    const line: ProgressLine = {
      type: "progress",
      query,
      searchedTo: timeJson(searchedTo),
      cuts: this.#state?.cuts ?? 0,
      fraction: round(fraction),
    };
    const done = (): void => {
      this.#isWriting = false;
    };
    write(`${JSON.stringify(line)}\n`).then(done, done);
  }
}

function round(fraction: number): number {
  return Math.round(fraction * 10_000) / 10_000;
}
