/**
 * Latency percentiles per window, by merging: cells of 10 ms below a second, histograms of a second from there
 * on. Every percentile is that of a merge; none is averaged, and none is given of so few requests that not one of
 * them would lie beyond it: p50 of two, p95 of twenty, p99 of a hundred, p99.9 of a thousand.
 */
import {
  decodeHistograms,
  decodeLoad,
  RetroError,
  type SideStream,
  SLOT_US,
} from "../../agent/kernel/index.ts";
import type { NodeSide } from "../cut/history.ts";
import type { Work } from "../cut/turns.ts";
import { Buckets } from "./buckets.ts";
import { inCells } from "./latency-cells.ts";
import type { LatencyPercentiles, LatencySeries, LatencyWindow } from "./latency-shapes.ts";
import { v2Counts } from "./v2-counts.ts";

const SECOND_US = 1_000_000;

export interface LatencyQuestion {
  /** Unix microseconds of the nodes' raw clocks; windows that begin in [fromUs, untilUs). */
  readonly fromUs: number;
  readonly untilUs: number;
  /** A multiple of 10 ms; above a second, of a second. */
  readonly windowMs: number;
  /** Absent: all. */
  readonly operations?: ReadonlySet<string>;
  /** Buckets of windows are told in so many cells a doubling (`inCells`); absent: as they are. */
  readonly cellsPerDoubling?: number;
}

/** Which streams a question needs. */
export function streamsFor(windowMs: number): readonly SideStream[] {
  return windowMs < 1_000 ? ["load", "histogram"] : ["histogram"];
}

/** Requests as served, and calls as seen by callers; the latter at a grain of a second at least. */
export interface Latencies {
  readonly server: LatencySeries;
  readonly caller: LatencySeries;
}

/** One answer, made of side blocks as they are read: all of a day never lies in memory, only its windows. */
export class LatencyMerge {
  readonly #question: LatencyQuestion;
  readonly #server: Windows;
  readonly #caller: Windows;

  constructor(question: LatencyQuestion) {
    const { windowMs } = question;
    this.#question = question;
    this.#server = new Windows(question, windowMs);
    this.#caller = new Windows(question, Math.max(1_000, windowMs));
  }

  /** Each block once, in any order. */
  *adding(sides: readonly NodeSide[]): Work<void> {
    const isFine = this.#question.windowMs < 1_000;
    const coarse = isFine ? undefined : this.#server;
    for (const { blocks } of sides) {
      for (const { stream, second, bytes } of blocks) {
        if (stream === "load" && isFine) {
          readable(() => addCells(this.#server, second, bytes, this.#question));
        }
        if (stream === "histogram") {
          readable(() => addHistograms(coarse, this.#caller, second, bytes, this.#question));
        }
        yield;
      }
    }
  }

  *summing(): Work<Latencies> {
    return {
      server: yield* this.#server.series("server"),
      caller: yield* this.#caller.series("caller"),
    };
  }
}

/** Ingest keeps no block that cannot be decoded: here it would be damage that the checksum missed. */
function readable(step: () => void): void {
  try {
    step();
  } catch (error) {
    if (!(error instanceof RetroError)) throw error;
  }
}

function addCells(
  server: Windows,
  second: number,
  bytes: Uint8Array,
  { operations }: LatencyQuestion,
): void {
  for (const cell of decodeLoad(bytes)) {
    if (operations?.has(cell.operation) === false || cell.completions === 0) continue;
    const buckets = server.at(second * SECOND_US + cell.slot * SLOT_US);
    buckets?.addAll(cell.residences);
    buckets?.noteMax(cell.maxResidenceUs);
  }
}

function addHistograms(
  server: Windows | undefined,
  caller: Windows,
  second: number,
  bytes: Uint8Array,
  { operations }: LatencyQuestion,
): void {
  for (const { operation, side, v2 } of decodeHistograms(bytes)) {
    if (operations?.has(operation) === false) continue;
    const windows = side === "caller" ? caller : server;
    windows?.at(second * SECOND_US)?.addAll(v2Counts(v2));
  }
}

/** Buckets by window. */
class Windows {
  readonly #byStart = new Map<number, Buckets>();
  readonly #question: LatencyQuestion;
  readonly #windowMs: number;

  constructor(question: LatencyQuestion, windowMs: number) {
    this.#question = question;
    this.#windowMs = windowMs;
  }

  at(us: number): Buckets | undefined {
    const windowUs = this.#windowMs * 1_000;
    const start = Math.floor(us / windowUs) * windowUs;
    const { fromUs, untilUs } = this.#question;
    // The window in which the range begins counts.
    if (start + windowUs <= fromUs || start >= untilUs) return undefined;
    let buckets = this.#byStart.get(start);
    if (buckets === undefined) {
      buckets = new Buckets();
      this.#byStart.set(start, buckets);
    }
    return buckets;
  }

  *series(side: LatencySeries["side"]): Work<LatencySeries> {
    const { cellsPerDoubling } = this.#question;
    const total = new Buckets();
    const windows: LatencyWindow[] = [];
    for (const [startUs, buckets] of [...this.#byStart].sort(([a], [b]) => a - b)) {
      if (buckets.total === 0) continue;
      windows.push({ startUs, ...summaryOf(buckets, cellsPerDoubling) });
      total.merge(buckets);
      yield;
    }
    return { side, windowMs: this.#windowMs, windows, total: summaryOf(total, cellsPerDoubling) };
  }
}

function summaryOf(
  buckets: Buckets,
  cellsPerDoubling: number | undefined,
): Omit<LatencyWindow, "startUs"> {
  const { total: count, maxUs } = buckets;
  const exact = buckets.sorted();
  return {
    ...{ count, maxUs, percentiles: percentilesOf(buckets) },
    buckets: cellsPerDoubling === undefined ? exact : inCells(exact, cellsPerDoubling),
  };
}

function percentilesOf(buckets: Buckets): LatencyPercentiles {
  // Of `fewest` requests one lies beyond it.
  const at = (percentile: number, fewest: number): number | null =>
    buckets.total < fewest ? null : buckets.percentile(percentile);
  return {
    ...{ p50Us: at(50, 2), p90Us: at(90, 10), p95Us: at(95, 20) },
    ...{ p99Us: at(99, 100), p999Us: at(99.9, 1_000) },
  };
}
