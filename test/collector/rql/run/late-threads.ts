/** Evaluating threads that take their time to begin: each job waits until it is let. */
import { InlineThreads } from "../../../../collector/rql/run/inline-threads.ts";
import type {
  QueryJob,
  QueryThreads,
  RunningJob,
  WriteLines,
} from "../../../../collector/rql/run/job.ts";

export class LateThreads implements QueryThreads {
  readonly #inline = new InlineThreads();
  readonly #waiting: (() => void)[] = [];

  /** Jobs that have not begun. */
  get waitingCount(): number {
    return this.#waiting.length;
  }

  /** The job that waits longest begins. */
  letOne(): void {
    this.#waiting.shift()?.();
  }

  start(job: QueryJob, write: WriteLines): RunningJob {
    const begun = new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
    }).then(() => this.#inline.start(job, write));
    return {
      take: async (steps, resumes) => (await begun).take(steps, resumes),
      pass: async (result) => (await begun).pass(result),
      finish: async () => (await begun).finish(),
      fail: async (failure) => (await begun).fail(failure),
      cancel: () => void begun.then((running) => running.cancel()),
    };
  }

  close(): Promise<void> {
    return this.#inline.close();
  }
}
