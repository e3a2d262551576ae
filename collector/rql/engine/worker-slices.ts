/**
 * Goes through slices in worker threads. A query has up to `workers` of them, each with one slice under way
 * and one behind it; threads are kept for the next query.
 *
 * An adapter: it owns threads.
 */
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import type { ColumnSlice } from "../../cut/column-shapes.ts";
import { JobBroken } from "../run/job-broken.ts";
import { type FromSliceThread, plainSlice, type ToSliceThread } from "./slice-messages.ts";
import type { SliceResult } from "./slice-result.ts";
import type { OpenSlices, SliceSetup, SliceThreads } from "./slice-threads.ts";

/** Heap of a thread; columns lie beside it, of as much as a slice has. */
const THREAD_MB = 512;
/** Slices of a thread: the one it goes through, and the next. */
const SLICES_AHEAD = 2;

export class WorkerSlices implements SliceThreads {
  readonly workers: number;
  readonly #idle: Worker[] = [];
  readonly #open = new Set<Query>();
  #isClosed = false;

  /** @param workers threads of one query; as many are kept */
  constructor(workers: number) {
    this.workers = workers;
  }

  open(setup: SliceSetup): OpenSlices {
    const query = new Query(setup, this.workers, {
      take: () => this.#idle.pop() ?? this.#begun(),
      give: (worker) => this.#give(worker),
      closed: () => this.#open.delete(query),
    });
    this.#open.add(query);
    return query;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const query of [...this.#open]) query.end();
    await Promise.all(this.#idle.splice(0).map((worker) => worker.terminate()));
  }

  #begun(): Worker {
    const worker = newWorker();
    worker.once("exit", () => {
      const index = this.#idle.indexOf(worker);
      if (index >= 0) this.#idle.splice(index, 1);
    });
    return worker;
  }

  #give(worker: Worker): void {
    if (this.#isClosed || this.#idle.length >= this.workers) {
      void worker.terminate();
      return;
    }
    worker.unref();
    this.#idle.push(worker);
  }
}

/** The compiled thread: of a checkout that which was built last, as Node runs no TypeScript by itself. */
function newWorker(): Worker {
  const isSource = import.meta.url.endsWith(".ts");
  const url = isSource
    ? new URL("../../../dist/collector/rql/engine/slice-worker.js", import.meta.url)
    : new URL("./slice-worker.js", import.meta.url);
  const worker = new Worker(fileURLToPath(url), {
    execArgv: [],
    env: {},
    name: "rql-slices",
    resourceLimits: { maxOldGenerationSizeMb: THREAD_MB },
  });
  // Queries listen for themselves; of an idle thread an error is no reason to end the collector.
  worker.on("error", () => undefined);
  return worker;
}

interface Pool {
  take(): Worker;
  give(worker: Worker): void;
  closed(): void;
}

interface Waiting {
  readonly slice: ColumnSlice;
  readonly resolve: (result: SliceResult) => void;
  readonly reject: (error: Error) => void;
}

class Query implements OpenSlices {
  readonly workers: number;
  readonly #setup: SliceSetup;
  readonly #pool: Pool;
  readonly #flag = new Int32Array(new SharedArrayBuffer(4));
  readonly #threads: Thread[] = [];
  readonly #waiting: Waiting[] = [];
  #isClosed = false;

  constructor(setup: SliceSetup, workers: number, pool: Pool) {
    this.workers = workers;
    this.#setup = setup;
    this.#pool = pool;
  }

  run(slice: ColumnSlice): Promise<SliceResult> {
    if (this.#isClosed) return Promise.reject(new JobBroken("internal", "the query is over"));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ slice, resolve, reject });
      this.#next();
    });
  }

  cancel(): void {
    Atomics.store(this.#flag, 0, 1);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.cancel();
    for (const { reject } of this.#waiting.splice(0)) {
      reject(new JobBroken("internal", "the query is over"));
    }
    // One that is busy looks at the flag, and is given back once it has answered.
    for (const thread of this.#threads) if (!thread.isBusy) thread.release();
    this.#pool.closed();
  }

  /** Ends its threads, whatever they do. */
  end(): void {
    this.close();
    for (const thread of this.#threads) thread.end();
  }

  #next(): void {
    while (this.#waiting.length > 0) {
      const thread = this.#free();
      if (thread === undefined) return;
      thread.run(this.#waiting.shift() as Waiting);
    }
  }

  /** One that is idle, or is made; or one that will be, so that its next slice lies ready. */
  #free(): Thread | undefined {
    const there = this.#threads.filter(({ isGone }) => !isGone);
    const idle = there.find(({ isBusy }) => !isBusy) ?? this.#more();
    return idle ?? there.find(({ hasRoom }) => hasRoom);
  }

  #more(): Thread | undefined {
    if (this.#threads.filter(({ isGone }) => !isGone).length >= this.workers) return undefined;
    const thread = new Thread(this.#pool, this.#setup, this.#flag, () => {
      if (!this.#isClosed) this.#next();
      else if (!thread.isBusy) thread.release();
    });
    this.#threads.push(thread);
    return thread;
  }
}

class Thread {
  isGone = false;
  readonly #pool: Pool;
  readonly #worker: Worker;
  readonly #onFree: () => void;
  readonly #jobs: Waiting[] = [];

  constructor(pool: Pool, setup: SliceSetup, flag: Int32Array, onFree: () => void) {
    this.#pool = pool;
    this.#worker = pool.take();
    this.#onFree = onFree;
    this.#worker.ref();
    this.#worker.on("message", this.#onMessage);
    this.#worker.on("error", this.#onError);
    this.#worker.on("exit", this.#onExit);
    this.#say({ kind: "open", setup, cancelled: flag.buffer as SharedArrayBuffer });
  }

  get isBusy(): boolean {
    return this.#jobs.length > 0;
  }

  get hasRoom(): boolean {
    return this.#jobs.length < SLICES_AHEAD;
  }

  run(job: Waiting): void {
    this.#jobs.push(job);
    const slice = plainSlice(job.slice);
    this.#say({ kind: "run", slice }, [slice.bytes]);
  }

  /** Gives the thread back, which has nothing to do. */
  release(): void {
    if (this.#leave()) this.#pool.give(this.#worker);
  }

  end(error: JobBroken = new JobBroken("internal", "the query is over")): void {
    if (!this.#leave()) return;
    for (const { reject } of this.#jobs.splice(0)) reject(error);
    void this.#worker.terminate();
  }

  #leave(): boolean {
    if (this.isGone) return false;
    this.isGone = true;
    this.#worker.off("message", this.#onMessage);
    this.#worker.off("error", this.#onError);
    this.#worker.off("exit", this.#onExit);
    return true;
  }

  readonly #onMessage = (message: FromSliceThread): void => {
    if (message.kind === "broken") {
      this.#break(new JobBroken("internal", message.message));
      return;
    }
    this.#jobs.shift()?.resolve(message.result);
    this.#onFree();
  };

  readonly #onError = (error: unknown): void => {
    const isMemory = (error as { code?: unknown } | null)?.code === "ERR_WORKER_OUT_OF_MEMORY";
    const message = isMemory ? "the query needs more memory than it may have" : String(error);
    this.#break(new JobBroken(isMemory ? "out-of-memory" : "internal", message, error));
  };

  readonly #onExit = (): void => {
    this.#break(new JobBroken("internal", "a thread of the query has ended"));
  };

  #break(error: JobBroken): void {
    this.end(error);
    this.#onFree();
  }

  #say(message: ToSliceThread, handedOver: readonly ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, handedOver);
  }
}
