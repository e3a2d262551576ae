/**
 * Admission by memory: ingest is refused long before the process is killed for what it holds.
 *
 *     used     0 ────────── 75 % ──────────── 90 % ─── 95 % ── 100 %: the kernel or V8 ends us
 *     ingest      all           less and less    none
 *     questions   all                            all      none
 *
 * *Used* is the larger of two shares: the heap of its limit, and what the process holds of its ceiling
 * (of a container, or of the machine) without the pages of the store's file: those are the kernel's,
 * which takes them back when it wants to.
 *
 * Between 75 and 90 % the bytes that may be on their way shrink from `wayBytes` to `leastWayBytes`, and
 * no lower: memory that was freed stays with the process until it is used again, so that to refuse
 * everything at once would be to refuse for good. For the same reason V8 is asked to look for garbage
 * when ingest is refused: a collector that only refuses allocates too little to look by itself.
 */
import { RetroError } from "../../agent/kernel/index.ts";
import type { IngestTimers } from "./timers.ts";

/** What the process holds. Adapter: node-memory.ts. */
export interface MemoryReading {
  readonly heapBytes: number;
  readonly heapLimitBytes: number;
  /** Without pages of files. */
  readonly ownBytes: number;
  readonly ceilingBytes: number;
}

export interface MemoryGauge {
  read(): MemoryReading;
  /** Gives back what is garbage. May take a second. */
  collect(): void;
}

export interface MemoryLimits {
  /** Shares of what may be used. */
  readonly softShare: number;
  readonly hardShare: number;
  readonly questionShare: number;
  /** Bytes on their way at the soft share, and at least. */
  readonly wayBytes: number;
  readonly leastWayBytes: number;
  /** A reading is good for so long. */
  readonly readingMs: number;
  /** So often garbage is looked for. */
  readonly collectMs: number;
}

export const DEFAULT_MEMORY_LIMITS: MemoryLimits = {
  softShare: 0.75,
  hardShare: 0.9,
  questionShare: 0.95,
  wayBytes: 64 * 1024 * 1024,
  leastWayBytes: 1024 * 1024,
  readingMs: 50,
  collectMs: 5_000,
};

export class MemoryGate {
  readonly #gauge: MemoryGauge;
  readonly #timers: Pick<IngestTimers, "monotonicMs">;
  readonly #limits: MemoryLimits;
  #share = 0;
  #readMs = Number.NEGATIVE_INFINITY;
  #collectedMs = Number.NEGATIVE_INFINITY;

  constructor(
    gauge: MemoryGauge,
    timers: Pick<IngestTimers, "monotonicMs">,
    limits: Partial<MemoryLimits> = {},
  ) {
    this.#gauge = gauge;
    this.#timers = timers;
    this.#limits = { ...DEFAULT_MEMORY_LIMITS, ...limits };
  }

  /** The share of memory that is used, some milliseconds ago. */
  get share(): number {
    const nowMs = this.#timers.monotonicMs();
    if (nowMs - this.#readMs >= this.#limits.readingMs) {
      this.#readMs = nowMs;
      const { heapBytes, heapLimitBytes, ownBytes, ceilingBytes } = this.#gauge.read();
      this.#share = Math.max(heapBytes / heapLimitBytes, ownBytes / ceilingBytes);
    }
    return this.#share;
  }

  /** Whether not even a question may be begun. */
  get isOutOfMemory(): boolean {
    if (this.share < this.#limits.questionShare) return false;
    this.#collect();
    return this.share >= this.#limits.questionShare;
  }

  /**
   * Lets a body in, or not.
   * @param wayBytes what is on its way already: bodies being read, and those that wait for the store
   * @throws RetroError `overloaded`; above the hard share it is for everybody: `reason: memory`
   */
  admit(bytes: number, wayBytes: number): void {
    const { softShare, hardShare, leastWayBytes, wayBytes: most } = this.#limits;
    if (this.share >= hardShare) this.#collect();
    const { share } = this;
    if (share < softShare) return;
    const room = Math.max(leastWayBytes, (most * (hardShare - share)) / (hardShare - softShare));
    // A body larger than the room goes alone.
    if (share < hardShare && (wayBytes === 0 || wayBytes + bytes <= room)) return;
    throw new RetroError("overloaded", `${Math.round(share * 100)} % of the memory is used`, {
      retriable: true,
      hint: "Send it again later; give the collector more memory, or ship less.",
      details: { reason: "memory" },
    });
  }

  #collect(): void {
    const nowMs = this.#timers.monotonicMs();
    if (nowMs - this.#collectedMs < this.#limits.collectMs) return;
    this.#collectedMs = nowMs;
    this.#gauge.collect();
    this.#readMs = Number.NEGATIVE_INFINITY;
  }
}
