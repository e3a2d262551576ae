/**
 * Evaluates one job: steps in, lines out. The same in whatever thread it runs; the clock and the wish to end
 * are given.
 */
import type { FeedStep } from "../../cut/history.ts";
import { checkText } from "../check/check.ts";
import type { SliceResult } from "../engine/slice-result.ts";
import { Interpretation, type RunFailure } from "../interpret/interpretation.ts";
import type { ResultLine } from "../interpret/lines.ts";
import { type FeedHead, FoldedStates } from "./fold.ts";
import type { JobState, QueryJob, WriteLines } from "./job.ts";

/** An interval still open so long after it was found is told before its row. */
const HIT_MS = 50;
/** How often open intervals are looked at, at most. */
const LOOK_MS = 25;
/** Lines are written in pieces of about so many characters. */
const PIECE = 64 * 1024;

export interface EvaluationClock {
  /** Monotonic milliseconds. */
  elapsedMs(): number;
  /** True ends the run at its next look. */
  isCancelled(): boolean;
}

interface OpenInterval {
  readonly sinceMs: number;
  isTold: boolean;
}

export class Evaluation {
  readonly #run: Interpretation;
  readonly #head: FeedHead;
  #states: FoldedStates;
  readonly #clock: EvaluationClock;
  /** Open intervals by group and place in order of rows: since when, and whether they were told. */
  #open = new Map<string, OpenInterval>();
  #lookedMs: number;

  constructor(job: QueryJob, clock: EvaluationClock) {
    const { text, schema, now, index, head, limits, spentMs = 0 } = job;
    const query = checkText(text, { schema, now })[index];
    if (query === undefined) throw new Error(`the text has no query ${index}`);
    this.#clock = clock;
    this.#head = head;
    this.#states = new FoldedStates(head);
    this.#run = new Interpretation(query, this.#states, {
      limits,
      elapsedMs: () => clock.elapsedMs(),
      spentMs,
      isCancelled: () => clock.isCancelled(),
    });
    this.#lookedMs = clock.elapsedMs();
  }

  get state(): JobState {
    const { isOver, rows, cuts, searchedTo, lastRows } = this.#run;
    return { isOver, rows, cuts, searchedTo, lastRows };
  }

  begin(): Iterable<ResultLine> {
    return this.#run.begin();
  }

  /** `resumes`: the first step is that of a feed of its own, at the tick to which slices have come. */
  *take(steps: readonly FeedStep[], resumes: boolean): Generator<ResultLine, void, undefined> {
    let isFirst = resumes;
    for (const step of steps) {
      if (this.#run.isOver) return;
      if (isFirst) {
        isFirst = false;
        this.#states = new FoldedStates(this.#head);
        yield* this.#run.resume(this.#states.take(step));
        continue;
      }
      yield* this.#run.take(this.#states.take(step));
      yield* this.#hits();
    }
    yield* this.#hits();
  }

  /** What the engine found in a slice. */
  *pass(result: SliceResult): Generator<ResultLine, void, undefined> {
    yield* this.#run.pass(result);
    yield* this.#hits();
  }

  finish(): Iterable<ResultLine> {
    return this.#run.finish();
  }

  fail(failure: RunFailure): Iterable<ResultLine> {
    return this.#run.fail(failure);
  }

  /** Intervals that have been open for a while. */
  *#hits(): Generator<ResultLine, void, undefined> {
    const nowMs = this.#clock.elapsedMs();
    if (nowMs - this.#lookedMs < LOOK_MS) return;
    this.#lookedMs = nowMs;
    const open = new Map<string, OpenInterval>();
    for (const hit of this.#run.openRows()) {
      const id = `${hit.n} ${hit.service ?? ""}`;
      const known = this.#open.get(id) ?? { sinceMs: nowMs, isTold: false };
      open.set(id, known);
      if (known.isTold || nowMs - known.sinceMs < HIT_MS) continue;
      known.isTold = true;
      yield hit;
    }
    this.#open = open;
  }
}

/** Writes lines piece by piece; each piece waits until there is room. */
export async function writeLines(lines: Iterable<ResultLine>, write: WriteLines): Promise<void> {
  let text = "";
  for (const line of lines) {
    text += `${JSON.stringify(line)}\n`;
    if (text.length < PIECE) continue;
    await write(text);
    text = "";
  }
  if (text !== "") await write(text);
}
