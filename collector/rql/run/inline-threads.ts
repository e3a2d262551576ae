/** Evaluates jobs in the thread at hand, chunk by chunk: for tests, and for programs of one query. */
import type { FeedStep } from "../../cut/history.ts";
import type { SliceResult } from "../engine/slice-result.ts";
import type { RunFailure } from "../interpret/interpretation.ts";
import type { ResultLine } from "../interpret/lines.ts";
import { Evaluation, type EvaluationClock, writeLines } from "./evaluation.ts";
import type { JobState, QueryJob, QueryThreads, RunningJob, WriteLines } from "./job.ts";

export class InlineThreads implements QueryThreads {
  readonly #elapsedMs: () => number;

  /** @param elapsedMs monotonic milliseconds */
  constructor(elapsedMs: () => number = () => 0) {
    this.#elapsedMs = elapsedMs;
  }

  start(job: QueryJob, write: WriteLines): RunningJob {
    return new InlineJob(job, write, this.#elapsedMs);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

class InlineJob implements RunningJob {
  readonly #evaluation: Evaluation;
  readonly #write: WriteLines;
  #last: Promise<unknown>;
  #isCancelled = false;

  constructor(job: QueryJob, write: WriteLines, elapsedMs: () => number) {
    const clock: EvaluationClock = { elapsedMs, isCancelled: () => this.#isCancelled };
    this.#write = write;
    this.#evaluation = new Evaluation(job, clock);
    this.#last = writeLines(this.#evaluation.begin(), write);
  }

  take(steps: readonly FeedStep[], resumes = false): Promise<JobState> {
    return this.#next(() => this.#evaluation.take(steps, resumes));
  }

  pass(result: SliceResult): Promise<JobState> {
    return this.#next(() => this.#evaluation.pass(result));
  }

  finish(): Promise<JobState> {
    return this.#next(() => this.#evaluation.finish());
  }

  fail(failure: RunFailure): Promise<JobState> {
    return this.#next(() => this.#evaluation.fail(failure));
  }

  cancel(): void {
    this.#isCancelled = true;
  }

  #next(lines: () => Iterable<ResultLine>): Promise<JobState> {
    const done = this.#last.then(async () => {
      await writeLines(lines(), this.#write);
      return this.#evaluation.state;
    });
    this.#last = done.catch(() => undefined);
    return done;
  }
}
