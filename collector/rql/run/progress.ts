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

export class Progress {
  readonly #query: number;
  readonly #range: TimeRange;
  readonly #timers: CutTimers;
  readonly #limits: RunnerLimits;
  readonly #write: WriteLines;
  /** How far the search had come before: told instead, as a pass may not be the last. */
  readonly #instead: ToldProgress | undefined;
  #toldMs: number;
  #searchedTo: Hlc;
  #state: JobState | undefined;
  #isWriting = false;
  #isOver = false;
  #cancelLook: () => void = () => {};

  constructor(
    query: number,
    range: TimeRange,
    timers: CutTimers,
    limits: RunnerLimits,
    write: WriteLines,
    instead?: ToldProgress,
  ) {
    this.#instead = instead;
    this.#query = query;
    this.#range = range;
    this.#timers = timers;
    this.#limits = limits;
    this.#write = write;
    this.#searchedTo = range.from;
    this.#toldMs = timers.nowMs();
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
    this.#tellIfDue(this.#limits.progressMs);
  }

  end(): void {
    this.#isOver = true;
    this.#cancelLook();
  }

  #lookLater(): void {
    this.#cancelLook = this.#timers.after(this.#limits.aliveMs, () => {
      if (this.#isOver) return;
      this.#tellIfDue(this.#limits.aliveMs);
      this.#lookLater();
    });
  }

  #tellIfDue(everyMs: number): void {
    const nowMs = this.#timers.nowMs();
    // Whoever reads slowly is not told more often than he reads.
    if (nowMs - this.#toldMs < everyMs || this.#isWriting || this.#isOver) return;
    this.#toldMs = nowMs;
    this.#isWriting = true;
    const { from, to } = this.#range;
    const share = to === from ? 1 : (this.#searchedTo - from) / (to - from);
    const { searchedTo, fraction } = this.#instead ?? {
      searchedTo: this.#searchedTo,
      fraction: share,
    };
    const line: ProgressLine = {
      type: "progress",
      query: this.#query,
      searchedTo: timeJson(searchedTo),
      cuts: this.#state?.cuts ?? 0,
      fraction: round(fraction),
    };
    const done = (): void => {
      this.#isWriting = false;
    };
    this.#write(`${JSON.stringify(line)}\n`).then(done, done);
  }
}

function round(fraction: number): number {
  return Math.round(fraction * 10_000) / 10_000;
}
