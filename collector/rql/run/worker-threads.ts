/**
 * Evaluates jobs in threads of their own: however long a condition takes at one cut, ingest and other
 * questions go on, and a query that is cancelled is gone within `CANCEL_MS`, by the flag that it looks at or
 * with its thread. A thread has a bound on its memory, and is used again.
 *
 * An adapter: it owns threads and a timer.
 */
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import type { FeedStep } from "../../cut/history.ts";
import type { SliceResult } from "../engine/slice-result.ts";
import type { RunFailure } from "../interpret/interpretation.ts";
import type { JobState, QueryJob, QueryThreads, RunningJob, WriteLines } from "./job.ts";
import { JobBroken } from "./job-broken.ts";
import { type FromThread, plainJob, plainSteps, type ToThread } from "./job-messages.ts";

/** So long a cancelled job may take to notice, before its thread is ended. */
export const CANCEL_MS = 50;
/** Heap of a thread. Beyond: the query fails, `out-of-memory`. */
const THREAD_MB = 512;
/** Threads kept for the next query. */
const IDLE_THREADS = 2;

export class WorkerThreads implements QueryThreads {
  readonly #threadMb: number;
  readonly #idle: Worker[] = [];
  readonly #jobs = new Set<WorkerJob>();
  #isClosed = false;

  /** @param threadMb heap of a thread, in MiB */
  constructor(threadMb: number = THREAD_MB) {
    this.#threadMb = threadMb;
  }

  start(job: QueryJob, write: WriteLines): RunningJob {
    const worker = this.#idle.pop() ?? this.#begun();
    const running = new WorkerJob(worker, job, write, (isReusable) => {
      this.#jobs.delete(running);
      this.#release(worker, isReusable);
    });
    this.#jobs.add(running);
    return running;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const job of [...this.#jobs]) job.end();
    await Promise.all(this.#idle.splice(0).map((worker) => worker.terminate()));
  }

  #begun(): Worker {
    const worker = newWorker(this.#threadMb);
    worker.once("exit", () => {
      const index = this.#idle.indexOf(worker);
      if (index >= 0) this.#idle.splice(index, 1);
    });
    return worker;
  }

  #release(worker: Worker, isReusable: boolean): void {
    if (isReusable && !this.#isClosed && this.#idle.length < IDLE_THREADS) {
      worker.unref();
      this.#idle.push(worker);
    } else void worker.terminate();
  }
}

/** The compiled thread: of a checkout that which was built last, as Node runs no TypeScript by itself. */
function newWorker(maxOldGenerationSizeMb: number): Worker {
  const isSource = import.meta.url.endsWith(".ts");
  const url = isSource
    ? new URL("../../../dist/collector/rql/run/query-worker.js", import.meta.url)
    : new URL("./query-worker.js", import.meta.url);
  // Nothing that the collector was started with is loaded into it: an agent, say.
  const worker = new Worker(fileURLToPath(url), {
    execArgv: [],
    env: {},
    name: "rql",
    resourceLimits: { maxOldGenerationSizeMb },
  });
  // Jobs listen for themselves; of an idle thread an error is no reason to end the collector.
  worker.on("error", () => undefined);
  return worker;
}

interface Call {
  readonly resolve: (state: JobState) => void;
  readonly reject: (error: Error) => void;
}

class WorkerJob implements RunningJob {
  readonly #worker: Worker;
  readonly #write: WriteLines;
  readonly #release: (isReusable: boolean) => void;
  readonly #flag = new Int32Array(new SharedArrayBuffer(4));
  readonly #calls: Call[] = [];
  #isCancelled = false;
  #isOver = false;
  #broken: JobBroken | undefined;
  #deadline: NodeJS.Timeout | undefined;

  constructor(
    worker: Worker,
    job: QueryJob,
    write: WriteLines,
    release: (isReusable: boolean) => void,
  ) {
    this.#worker = worker;
    this.#write = write;
    this.#release = release;
    worker.ref();
    worker.on("message", this.#onMessage);
    worker.on("error", this.#onError);
    worker.on("exit", this.#onExit);
    const cancelled = this.#flag.buffer as SharedArrayBuffer;
    // Who asks next hears of what went wrong.
    this.#call({ kind: "start", job: plainJob(job), cancelled }).catch(() => undefined);
  }

  take(steps: readonly FeedStep[], resumes = false): Promise<JobState> {
    return this.#call({ kind: "take", steps: plainSteps(steps), resumes });
  }

  pass(result: SliceResult): Promise<JobState> {
    return this.#call({ kind: "pass", result });
  }

  async finish(): Promise<JobState> {
    const state = await this.#call({ kind: "finish" });
    this.#end(true);
    return state;
  }

  async fail(failure: RunFailure): Promise<JobState> {
    const state = await this.#call({ kind: "fail", failure });
    this.#end(true);
    return state;
  }

  cancel(): void {
    if (this.#isOver || this.#isCancelled) return;
    this.#isCancelled = true;
    Atomics.store(this.#flag, 0, 1);
    if (this.#calls.length === 0) this.#end(true);
    else this.#deadline = setTimeout(() => this.end(), CANCEL_MS);
  }

  /** Ends it with its thread. */
  end(): void {
    this.#break(new JobBroken("internal", "the query was ended"));
  }

  #call(message: ToThread): Promise<JobState> {
    if (this.#broken !== undefined) return Promise.reject(this.#broken);
    if (this.#isOver) return Promise.reject(new JobBroken("internal", "the query is over"));
    this.#say(message);
    return new Promise((resolve, reject) => {
      this.#calls.push({ resolve, reject });
    });
  }

  readonly #onMessage = (message: FromThread): void => {
    if (message.kind === "lines") void this.#take(message.text);
    else if (message.kind === "done") {
      this.#calls.shift()?.resolve(message.state);
      if (this.#isCancelled && this.#calls.length === 0) this.#end(true);
    } else this.#break(new JobBroken("internal", message.message));
  };

  async #take(text: string): Promise<void> {
    try {
      if (!this.#isCancelled) await this.#write(text);
    } catch {
      // Whoever wrote knows; the job is going to be cancelled.
      this.cancel();
    }
    if (!this.#isOver) this.#say({ kind: "taken" });
  }

  readonly #onError = (error: unknown): void => {
    const isMemory = (error as { code?: unknown } | null)?.code === "ERR_WORKER_OUT_OF_MEMORY";
    const message = isMemory ? "the query needs more memory than it may have" : String(error);
    this.#break(new JobBroken(isMemory ? "out-of-memory" : "internal", message, error));
  };

  readonly #onExit = (): void => {
    this.#break(new JobBroken("internal", "the evaluating thread has ended"));
  };

  #break(error: JobBroken): void {
    if (this.#isOver) return;
    this.#broken = error;
    this.#end(false);
  }

  #end(isReusable: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#deadline);
    this.#worker.off("message", this.#onMessage);
    this.#worker.off("error", this.#onError);
    this.#worker.off("exit", this.#onExit);
    const error = this.#broken ?? new JobBroken("internal", "the query is over");
    for (const { reject } of this.#calls.splice(0)) reject(error);
    this.#release(isReusable);
  }

  #say(message: ToThread): void {
    this.#worker.postMessage(message);
  }
}
