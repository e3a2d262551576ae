/**
 * How much of the past is kept: by age, by size, or both. Works behind everything else, in rounds.
 *
 *     age      what came more than `retentionMs` ago goes. By arrival, never by the nodes' clocks; not
 *              while the collector's own clock is in doubt (clock-guard.ts)
 *     size     above `maxBytes` of records, or with the file system nine tenths full, saved cuts go
 *              first, then what came first, of all nodes alike
 *     records  of epochs that are over go after twice the retention: until then what comes again is known
 *
 * Pieces are taken as they are stored, and the state with which an epoch begins is written before: every
 * cut from there on is exact (pruner.ts).
 */
import { membershipOf, NEVER } from "../cut/membership.ts";
import type { EpochRecord, HistoryStore, StoreUsage } from "../store/history-store.ts";
import { ClockGuard, type ClockJump } from "./clock-guard.ts";
import type { Pruner } from "./pruner.ts";
import type { RetentionTimers } from "./timers.ts";

const LONGEST_ROUND_MS = 60_000;
const SHORTEST_ROUND_MS = 1_000;
/** Rounds within one retention. */
const ROUNDS = 64;
/** Pruning by size goes on until this share of `maxBytes` is in use. */
const ENOUGH_SHARE = 0.95;
/** Of the file system, by everybody. Pages of our file that hold nothing count as room. */
const FULL_SHARE = 0.9;
/** Steps of pruning by size in one round. */
const SIZE_STEPS = 16;
/** The least and the most of the time spanned that one step takes. */
const LEAST_STEP = 1 / 64;
const MOST_STEP = 1 / 2;
/** With size alone, records of epochs that are over stay for so long after what is pruned. */
const DEFAULT_HORIZON_MS = 86_400_000;

export interface RetentionSettings {
  /** Absent: nothing goes for its age. */
  readonly retentionMs?: number | undefined;
  /** Bytes of records; absent: as many as the disk takes. */
  readonly maxBytes?: number | undefined;
}

export interface RetentionOptions extends RetentionSettings {
  readonly store: HistoryStore;
  readonly pruner: Pruner;
  readonly timers: RetentionTimers;
  /** Gives up a saved cut, the oldest; false: there is none. */
  readonly giveUpSaved?: () => Promise<boolean>;
  readonly onJump?: (jump: ClockJump) => void;
  readonly onFailure?: (error: unknown) => void;
}

export class RetentionCounts {
  roundCount = 0;
  /** Batches or segments removed. */
  pieceCount = 0;
  forgottenCount = 0;
  givenUpCount = 0;
  jumpCount = 0;
  failureCount = 0;
}

export class Retention {
  readonly counts: RetentionCounts = new RetentionCounts();
  readonly #options: RetentionOptions;
  readonly #guard: ClockGuard | undefined;
  #cancel: () => void = () => {};
  #isClosed = false;
  #hasBegun = false;

  constructor(options: RetentionOptions) {
    this.#options = options;
    const { retentionMs, timers } = options;
    if (retentionMs === undefined) return;
    this.#guard = new ClockGuard(timers, retentionMs, (jump) => {
      this.counts.jumpCount += 1;
      options.onJump?.(jump);
    });
  }

  /** Whether anything is ever removed. */
  get isOn(): boolean {
    return this.#options.retentionMs !== undefined || this.#options.maxBytes !== undefined;
  }

  get settings(): RetentionSettings {
    const { retentionMs, maxBytes } = this.#options;
    return { retentionMs, maxBytes };
  }

  usage(): StoreUsage {
    return this.#options.store.usage();
  }

  /** Whether nothing is removed for its age just now: the collector's clock jumped. */
  get isPaused(): boolean {
    return this.#guard?.isTrusted === false;
  }

  /** Works in rounds from now on, also on what a run before has marked and not swept. */
  start(): void {
    this.#schedule(SHORTEST_ROUND_MS);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancel();
    await this.#options.pruner.close();
  }

  /** One round, now. Rejects as the store does; the rounds of `start` count that and go on. */
  round(): Promise<void> {
    return this.#options.pruner.alone(() => this.#round());
  }

  #schedule(ms: number): void {
    this.#cancel = this.#options.timers.after(ms, () => void this.#roundAndOn());
  }

  async #roundAndOn(): Promise<void> {
    try {
      await this.round();
    } catch (error) {
      this.counts.failureCount += 1;
      this.#options.onFailure?.(error);
    }
    if (!this.#isClosed) this.#schedule(this.#roundMs());
  }

  #roundMs(): number {
    const { retentionMs, maxBytes } = this.#options;
    const byAge = (retentionMs ?? LONGEST_ROUND_MS * ROUNDS) / ROUNDS;
    const longest = maxBytes === undefined ? LONGEST_ROUND_MS : SHORTEST_ROUND_MS;
    return Math.min(longest, Math.max(SHORTEST_ROUND_MS, byAge));
  }

  async #round(): Promise<void> {
    if (this.#isClosed) return;
    const { retentionMs, pruner, store, timers } = this.#options;
    this.counts.roundCount += 1;
    if (!this.#hasBegun) {
      this.#hasBegun = true;
      this.#guard?.begin(latestArrivalMs(store.epochs()));
    }
    this.#guard?.look();
    if (retentionMs !== undefined && !this.isPaused) {
      const cutoffMs = timers.wallMs() - retentionMs;
      await this.#pruneBefore(cutoffMs, cutoffMs - retentionMs);
    }
    await pruner.sweep();
    if (this.isOn) await this.#makeRoom();
  }

  async #pruneBefore(cutoffMs: number, forgetBeforeMs: number): Promise<number> {
    const { pruner, store } = this.#options;
    await this.#forgetBefore(forgetBeforeMs);
    const old = store.epochs().filter((one) => one.named !== true && one.firstArrivalMs < cutoffMs);
    const count = await pruner.prune(old, ({ arrivalMs }) => arrivalMs < cutoffMs);
    this.counts.pieceCount += count;
    const epochIds = old.map(({ id }) => id);
    return count + (await pruner.pruneSide({ epochIds, arrivedBeforeMs: cutoffMs }));
  }

  /** Epochs that are over, of which nothing has come since. */
  async #forgetBefore(ms: number): Promise<void> {
    const { pruner, store } = this.#options;
    const found: number[] = [];
    const records = store.epochs();
    for (const { id, named, end, lastArrivalMs } of records) {
      if (named === true && end !== null && lastArrivalMs < ms) found.push(id);
    }
    for (const { spans } of membershipOf(records.filter(({ named }) => named !== true)).values()) {
      for (const { record, until } of spans) {
        if (record.lastArrivalMs >= ms || (until === NEVER && !record.imported)) continue;
        found.push(record.id);
      }
    }
    const isOver = ({ lastArrivalMs }: EpochRecord): boolean => lastArrivalMs < ms;
    this.counts.forgottenCount += await pruner.forget(found, isOver);
  }

  /** Until there is enough room, or nothing to be had. */
  async #makeRoom(): Promise<void> {
    const { giveUpSaved, pruner, retentionMs, store, timers } = this.#options;
    let share = LEAST_STEP;
    for (let steps = 0; steps < SIZE_STEPS && !this.#isClosed; steps += 1) {
      const excess = this.#excessShare();
      if (excess <= 0) return;
      if ((await giveUpSaved?.()) === true) {
        this.counts.givenUpCount += 1;
        continue;
      }
      const records = store.epochs().filter(({ named }) => named !== true);
      const oldestMs = await pruner.oldestArrivalMs(records);
      if (oldestMs === undefined) return;
      share = Math.min(MOST_STEP, Math.max(share, excess));
      const nowMs = timers.wallMs();
      // What came by a clock that was set back since came in the future: then its last spans it, not now.
      const latestMs = oldestMs <= nowMs ? nowMs : (latestArrivalMs(records) ?? oldestMs);
      // At least the oldest piece itself.
      const cutoffMs = oldestMs + 1 + (latestMs - oldestMs) * share;
      const count = await this.#pruneBefore(
        cutoffMs,
        cutoffMs - (retentionMs ?? DEFAULT_HORIZON_MS),
      );
      await pruner.sweep();
      if (count === 0) share *= 2;
    }
  }

  /** Which share of what is kept is too much; 0 or less: none. */
  #excessShare(): number {
    const { maxBytes = Number.POSITIVE_INFINITY, store } = this.#options;
    const { usedBytes, fileBytes, disk } = store.usage();
    if (usedBytes === 0) return 0;
    const bySize = usedBytes > maxBytes ? 1 - (maxBytes * ENOUGH_SHARE) / usedBytes : 0;
    if (disk === undefined) return bySize;
    const taken = disk.totalBytes - disk.freeBytes - Math.max(0, fileBytes - usedBytes);
    return Math.max(bySize, (taken - disk.totalBytes * FULL_SHARE) / usedBytes);
  }
}

function latestArrivalMs(records: readonly EpochRecord[]): number | undefined {
  let latest: number | undefined;
  for (const { lastArrivalMs } of records) {
    if (latest === undefined || lastArrivalMs > latest) latest = lastArrivalMs;
  }
  return latest;
}
