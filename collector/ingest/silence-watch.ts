/**
 * Which nodes have been silent for too long. Silence is measured by the collector's monotonic clock
 * and begins, for all, no earlier than the collector was able to listen:
 *
 * - after its start: a node is not expired for the time that the collector was down;
 * - after a pause of the whole process (a suspended machine, a stopped container), seen as a sweep
 *   that came much too late;
 * - after it refused requests for want of room: who is refused is not silent.
 */
import type { EpochRecord } from "../store/history-store.ts";
import type { IngestTimers } from "./timers.ts";

/** Idle agents send an empty batch this often. */
export const HEARTBEAT_MS = 1_000;
/** Silent for three heartbeats: suspect. The cut engine judges that by `lastArrivalMs`. */
export const SUSPECT_AFTER_MS: number = 3 * HEARTBEAT_MS;
export const DEFAULT_EXPIRE_AFTER_MS = 60_000;
const SWEEP_MS = 1_000;
/** Runs remembered beside those that may be going on. */
const SPARE = 1_024;
/** A sweep so much later than the one before means that the process did not run. */
const PAUSE_MS: number = 5 * SWEEP_MS;

export interface SilenceWatchOptions {
  readonly timers: IngestTimers;
  readonly expireAfterMs: number;
  /** Called every second. */
  readonly onSweep: () => void;
}

export class SilenceWatch {
  readonly #options: SilenceWatchOptions;
  /** Monotonic time of the last sign of life, by epoch id. */
  readonly #heardMs = new Map<number, number>();
  #listeningSinceMs: number;
  #lastSweepMs: number;
  #cancel: () => void = () => {};

  constructor(options: SilenceWatchOptions) {
    this.#options = options;
    this.#listeningSinceMs = options.timers.monotonicMs();
    this.#lastSweepMs = this.#listeningSinceMs;
    this.#schedule();
  }

  heard(epochId: number): void {
    this.#heardMs.set(epochId, this.#options.timers.monotonicMs());
  }

  /** What was silent until now may have been our own doing. */
  excuse(): void {
    this.#listeningSinceMs = this.#options.timers.monotonicMs();
  }

  /** Those of the records that have been silent for too long and have not ended. */
  expired(latest: Iterable<EpochRecord>): EpochRecord[] {
    const nowMs = this.#options.timers.monotonicMs();
    const limitMs = nowMs - this.#options.expireAfterMs;
    if (this.#listeningSinceMs > limitMs) return [];
    const silent: EpochRecord[] = [];
    const open = new Set<number>();
    for (const record of latest) {
      open.add(record.id);
      if (record.end !== null || record.imported) continue;
      const heardMs = this.#heardMs.get(record.id) ?? this.#listeningSinceMs;
      if (heardMs <= limitMs) silent.push(record);
    }
    for (const record of silent) this.#heardMs.delete(record.id);
    // Of runs that are over nobody asks any more.
    if (this.#heardMs.size > open.size + SPARE) {
      for (const id of this.#heardMs.keys()) if (!open.has(id)) this.#heardMs.delete(id);
    }
    return silent;
  }

  /** Of how many epochs a sign of life is remembered. */
  get heardCount(): number {
    return this.#heardMs.size;
  }

  stop(): void {
    this.#cancel();
    this.#cancel = () => {};
  }

  #schedule(): void {
    this.#cancel = this.#options.timers.after(SWEEP_MS, () => {
      const nowMs = this.#options.timers.monotonicMs();
      if (nowMs - this.#lastSweepMs > PAUSE_MS) this.#listeningSinceMs = nowMs;
      this.#lastSweepMs = nowMs;
      this.#schedule();
      this.#options.onSweep();
    });
  }
}
