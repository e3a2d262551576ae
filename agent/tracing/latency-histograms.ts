/**
 * The latencies of the second that runs, in hdr-histograms: of each operation as it was handled here (`server`),
 * and of the calls that it made, by whom it called (`caller`). At the second's end, or an urgent flush, they
 * travel as V2 bytes and begin anew: what was sent is not sent again, and all that was sent adds up exactly.
 *
 * The histograms are WebAssembly's (record 17 ns, where plain JavaScript takes 78), which are never collected: so
 * there is a fixed pool, made as needed, emptied and used again, and destroyed at the end. Values out of range would
 * throw: they are clamped before. While the module loads (some ms), values wait.
 */
import type { BuildRequest, Histogram } from "hdr-histogram-js";
import { type LatencyHistogram, MAX_LATENCY_US } from "../kernel/index.ts";
import { MAX_OPERATIONS } from "./operation-names.ts";

/** All that there ever are: two per operation, `other` included; each takes 92 KiB. */
export const MAX_HISTOGRAMS: number = 2 * (MAX_OPERATIONS + 1);
/** Values that may wait for the module. */
const MAX_WAITING = 10_000;

const LAYOUT: BuildRequest = {
  bitBucketSize: 32,
  autoResize: false,
  lowestDiscernibleValue: 1,
  highestTrackableValue: MAX_LATENCY_US,
  numberOfSignificantValueDigits: 3,
  useWebAssembly: true,
};

interface WasmHistogram extends Histogram {
  encode(): Uint8Array;
}

/** What is needed of hdr-histogram-js, once it is ready. */
export interface HistogramMaker {
  make(): WasmHistogram;
}

/** Loads hdr-histogram-js: the only third-party code of the SDK, and only here. */
export async function loadHistograms(): Promise<HistogramMaker> {
  const { default: hdr } = await import("hdr-histogram-js");
  await hdr.initWebAssembly();
  return { make: () => hdr.build(LAYOUT) as WasmHistogram };
}

interface Entry {
  readonly operation: string;
  readonly side: "server" | "caller";
  readonly peer: string | null;
  histogram: WasmHistogram | undefined;
  count: number;
}

export class LatencyHistograms {
  #maker: HistogramMaker | undefined;
  readonly #servers = new Map<string, Entry>();
  readonly #callers = new Map<string, Map<string, Entry>>();
  #used: Entry[] = [];
  readonly #pool: WasmHistogram[] = [];
  #madeCount = 0;
  #waiting: (readonly [Entry, number])[] = [];
  #unrecordedCount = 0;
  #clampedCount = 0;
  #isClosed = false;

  /** The module is there. */
  ready(maker: HistogramMaker): void {
    if (this.#isClosed) return;
    this.#maker = maker;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const [entry, us] of waiting) this.#record(entry, us);
  }

  /** Values that found no histogram: too many operations and peers in one second, or no module. */
  get unrecordedCount(): number {
    return this.#unrecordedCount;
  }

  /** Values out of range, which count as the nearest in it. */
  get clampedCount(): number {
    return this.#clampedCount;
  }

  /** A request of that operation was handled in so many microseconds. */
  server(operation: string, us: number): void {
    let entry = this.#servers.get(operation);
    if (entry === undefined) {
      entry = { operation, side: "server", peer: null, histogram: undefined, count: 0 };
      this.#servers.set(operation, entry);
    }
    this.#record(entry, us);
  }

  /** A call that a request of that operation made to `peer` took so many microseconds. */
  caller(operation: string, peer: string, us: number): void {
    let peers = this.#callers.get(operation);
    if (peers === undefined) {
      peers = new Map();
      this.#callers.set(operation, peers);
    }
    let entry = peers.get(peer);
    if (entry === undefined) {
      entry = { operation, side: "caller", peer, histogram: undefined, count: 0 };
      peers.set(peer, entry);
    }
    this.#record(entry, us);
  }

  #record(entry: Entry, us: number): void {
    if (this.#maker === undefined) {
      if (this.#isClosed || this.#waiting.length >= MAX_WAITING) this.#unrecordedCount += 1;
      else this.#waiting.push([entry, us]);
      return;
    }
    if (entry.histogram === undefined) {
      entry.histogram = this.#pool.pop() ?? this.#make(this.#maker);
      if (entry.histogram === undefined) {
        this.#unrecordedCount += 1;
        return;
      }
      this.#used.push(entry);
    }
    const isInRange = us >= 1 && us <= MAX_LATENCY_US;
    if (!isInRange && us !== 0) this.#clampedCount += 1;
    entry.histogram.recordValue(isInRange ? Math.floor(us) : us > 1 ? MAX_LATENCY_US : 1);
    entry.count += 1;
  }

  #make(maker: HistogramMaker): WasmHistogram | undefined {
    if (this.#madeCount >= MAX_HISTOGRAMS) return undefined;
    this.#madeCount += 1;
    return maker.make();
  }

  /** What was recorded since it was last asked. Costs some 45 us per histogram in use. */
  take(): LatencyHistogram[] {
    const used = this.#used;
    this.#used = [];
    const taken = used.map(({ operation, side, peer, histogram }): LatencyHistogram => {
      const made = histogram as WasmHistogram;
      const v2 = made.encode();
      made.reset();
      this.#pool.push(made);
      return { operation, side, peer, v2 };
    });
    // Peers come and go; entries are made anew by those that stay.
    this.#servers.clear();
    this.#callers.clear();
    return taken;
  }

  /** Frees the histograms; nothing is recorded from here on. May be called twice. */
  close(): void {
    this.#isClosed = true;
    this.#maker = undefined;
    this.#waiting = [];
    for (const { histogram } of this.#used) histogram?.destroy();
    for (const histogram of this.#pool) histogram.destroy();
    this.#used = [];
    this.#pool.length = 0;
    this.#servers.clear();
    this.#callers.clear();
  }
}
