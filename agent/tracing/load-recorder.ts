/**
 * Follows requests and keeps what is said of them beside their records: cells (load-cells.ts), latencies
 * (latency-histograms.ts), waits, and the table that the sampler reads (open-requests.ts). Encodes all of it once
 * a second, or when somebody asks for it at once.
 */
import {
  encodeHistograms,
  encodeLoad,
  encodeResources,
  type ResourceSecond,
} from "../kernel/index.ts";
import { LatencyHistograms } from "./latency-histograms.ts";
import { LoadCells } from "./load-cells.ts";
import { Double, OpenRequests } from "./open-requests.ts";
import type { RawTime } from "./raw-time.ts";
import type { OpenRequest, RequestBody, RequestFollower } from "./request-timer.ts";
import { RollingP99 } from "./rolling-p99.ts";
import type { SideOutbox } from "./side-outbox.ts";
import { SlotLine, secondOf } from "./slot-line.ts";

/** Waits shorter than this stand in the request's record alone. */
const MIN_WAIT_US = 1_000;
/** Stalls, pauses and waits kept between two flushes: each. */
const MAX_ROWS = 4_096;
/** Names of pools, locks and peers in one block, far below what a block may have; all others are `other`. */
const MAX_ROW_NAMES = 256;
const OTHER = "other";
/** The youngest age at which an open request is worth a flush, and how many times the usual p99 it must be. */
const OLDEST_FLOOR_US = 20_000;
const OLDEST_FACTOR = 2;

export type Gap = ResourceSecond["gaps"][number];
export type GcPause = ResourceSecond["gc"][number];
export type Wait = ResourceSecond["waits"][number];

export interface LoadRecorderOptions {
  readonly time: RawTime;
  readonly outbox: SideOutbox;
  /** The operation of an open request; undefined: it is no load, but an event stream. */
  readonly operationOf: (request: OpenRequest) => string | undefined;
  /** Takes what must not be recorded out of a name. */
  readonly treatName: (name: string) => string;
}

interface Rows {
  readonly gaps: Gap[];
  readonly gc: GcPause[];
  readonly waits: Wait[];
}

export class LoadRecorder implements RequestFollower {
  readonly open: OpenRequests<OpenRequest> = new OpenRequests();
  readonly histograms: LatencyHistograms = new LatencyHistograms();
  readonly #time: RawTime;
  readonly #outbox: SideOutbox;
  readonly #operationOf: (request: OpenRequest) => string | undefined;
  readonly #treatName: (name: string) => string;
  readonly #slots: SlotLine;
  readonly #cells: LoadCells;
  readonly #p99 = new RollingP99();
  /** By second. Times in here are monotonic until they are encoded. */
  readonly #rows = new Map<number, Rows>();
  #rowCount = 0;
  #lostRowCount = 0;
  #histogramSecond: number;

  constructor(options: LoadRecorderOptions) {
    this.#time = options.time;
    this.#outbox = options.outbox;
    this.#operationOf = options.operationOf;
    this.#treatName = options.treatName;
    this.#slots = new SlotLine(options.time);
    this.#histogramSecond = secondOf(this.#slots.current);
    this.#cells = new LoadCells({
      slots: this.#slots,
      open: this.open,
      operationOf: (request) => this.#loadOf(request),
    });
  }

  /** Stalls, pauses and waits that were too many between two flushes. */
  get lostRowCount(): number {
    return this.#lostRowCount;
  }

  arrived(request: OpenRequest): void {
    request.place = this.open.add(request, request.arrivedUs);
  }

  departed(request: OpenRequest, body: RequestBody): void {
    this.open.remove(request.place);
    const departedUs = request.arrivedUs + body.residenceUs;
    this.#slots.advance(departedUs);
    const second = secondOf(this.#slots.current);
    if (second !== this.#histogramSecond) this.#takeHistograms(second);
    // An event stream is open for as long as somebody listens: no load, and no latency.
    if (this.#operationOf(request) === undefined) return;
    this.#cells.departed(request, body);
    this.#p99.add(body.residenceUs);
    this.histograms.server(body.operation, body.residenceUs);
    for (const { to, us } of body.calls) this.histograms.caller(body.operation, to, us);
    for (const wait of request.waits) this.#wait(request, wait, departedUs);
  }

  /** What turns out to be an event stream is no load, and never the oldest that is open. */
  #loadOf(request: OpenRequest): string | undefined {
    const operation = this.#operationOf(request);
    if (operation === undefined) {
      this.open.remove(request.place, false);
      request.place = -1;
    }
    return operation;
  }

  #wait(request: OpenRequest, wait: OpenRequest["waits"][number], departedUs: number): void {
    const startUs = request.arrivedUs + wait.startUs;
    const endUs = wait.endUs < 0 ? departedUs : request.arrivedUs + wait.endUs;
    if (endUs - startUs < MIN_WAIT_US) return;
    const { name, kind, downstream } = wait;
    const row = { name, kind, startUs, lengthUs: endUs - startUs, downstream: downstream ?? null };
    this.#row("waits", endUs, row);
  }

  /** The main thread was late by `lengthUs` when it came back; `startUs`: when its heartbeat was due, monotonic. */
  gap(startUs: number, lengthUs: number): void {
    this.#row("gaps", startUs, { startUs, lengthUs });
  }

  /** V8 paused the main thread. Monotonic. */
  gc(pause: GcPause): void {
    this.#row("gc", pause.startUs, pause);
  }

  #row<Field extends keyof Rows>(field: Field, atUs: number, row: Rows[Field][number]): void {
    if (this.#rowCount >= MAX_ROWS) {
      this.#lostRowCount += 1;
      return;
    }
    this.#rowCount += 1;
    const second = Math.floor((atUs + this.#time.offsetUs(this.#time.nowUs())) / 1e6);
    let rows = this.#rows.get(second);
    if (rows === undefined) {
      rows = { gaps: [], gc: [], waits: [] };
      this.#rows.set(second, rows);
    }
    (rows[field] as Rows[Field][number][]).push(row);
  }

  /** Encodes the seconds that are over; with `isUrgent` the one that runs too, as far as it goes. */
  flush(isUrgent: boolean): void {
    const nowUs = this.#time.nowUs();
    this.#slots.advance(nowUs);
    const running = secondOf(this.#slots.current);
    for (const { second, cells } of this.#cells.take(!isUrgent)) {
      this.#outbox.add("load", second, encodeLoad(cells));
    }
    if (isUrgent || running !== this.#histogramSecond) this.#takeHistograms(running);
    this.#takeRows(nowUs, isUrgent ? Number.POSITIVE_INFINITY : running);
    const limit = Math.max(OLDEST_FLOOR_US, OLDEST_FACTOR * this.#p99.valueUs(nowUs));
    this.open.table.doubles[Double.oldestLimitUs] = limit;
  }

  #takeHistograms(second: number): void {
    const taken = this.histograms.take();
    if (taken.length > 0) {
      const treated = taken.map((one) =>
        one.peer === null ? one : { ...one, peer: this.#treatName(one.peer) },
      );
      this.#outbox.add("histogram", this.#histogramSecond, encodeHistograms(treated));
    }
    this.#histogramSecond = second;
  }

  #takeRows(nowUs: number, beforeSecond: number): void {
    const offsetUs = this.#time.offsetUs(nowUs);
    for (const [second, rows] of this.#rows) {
      if (second >= beforeSecond) continue;
      this.#rows.delete(second);
      this.#rowCount -= rows.gaps.length + rows.gc.length + rows.waits.length;
      const zeroUs = second * 1e6 - offsetUs;
      const placed = <Row extends { readonly startUs: number }>(row: Row): Row => ({
        ...row,
        startUs: Math.round(row.startUs - zeroUs),
      });
      const nameOf = this.#fewNames();
      const block: ResourceSecond = {
        gaps: rows.gaps.map(placed),
        gc: rows.gc.map(placed),
        waits: rows.waits.map(placed).map((wait) => ({
          ...wait,
          name: nameOf(wait.name),
          downstream: wait.downstream === null ? null : nameOf(wait.downstream),
        })),
        signals: [],
        unavailable: [],
      };
      this.#outbox.add("resource", second, encodeResources(block));
    }
  }

  /** Treats the names of one block: a crawler waits for connections to more hosts than anybody would tell apart. */
  #fewNames(): (name: string) => string {
    const treated = new Map<string, string>();
    return (name) => {
      const known = treated.get(name);
      if (known !== undefined) return known;
      if (treated.size >= MAX_ROW_NAMES) return OTHER;
      const fresh = this.#treatName(name);
      treated.set(name, fresh);
      return fresh;
    };
  }

  close(): void {
    this.histograms.close();
  }
}
