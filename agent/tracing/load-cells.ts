/**
 * Interval cells: how much work there was, per operation, in each slot of 10 ms.
 *
 *     arrived   |=======================================|   departed
 *     slots       12   |   13   |   14   |   15   |  16        in flight: 6 + 10 + 10 + 10 + 3 ms
 *
 * A request's time is laid down in the slots that it lasted: once it departs, or, while it is open, up to the last
 * slot that is over whenever cells are taken. So what is taken is final: each slot is in one part, and over any
 * stretch load = throughput x mean residence, to the microsecond (Little's law; the tests hold it against that).
 *
 * The alternative, to add count x time at each arrival and departure, needs the operation at the arrival, where no
 * router has said it yet. What is open when cells are taken goes to the operation that its router names by then.
 */
import { type LoadCell, latencyBucketUs, SLOTS_PER_SECOND } from "../kernel/index.ts";
import { clipped, type Interval, lengthOf, unionOf, without } from "./intervals.ts";
import type { OpenRequests } from "./open-requests.ts";
import type { OpenRequest, RequestBody } from "./request-timer.ts";
import { type Slot, type SlotLine, secondOf } from "./slot-line.ts";

interface Cell {
  arrivals: number;
  completions: number;
  exclusiveUs: number;
  maxResidenceUs: number;
  inFlightUs: number;
  downstreamUs: number;
  poolUs: number;
  readonly residences: number[];
}

/** The cells of one second, as far as it is over and was not taken before. */
export interface LoadSecond {
  readonly second: number;
  readonly cells: readonly LoadCell[];
}

export interface LoadCellsOptions {
  readonly slots: SlotLine;
  readonly open: OpenRequests<OpenRequest>;
  /** The operation of an open request, as far as it is known; undefined: it is no load (an event stream). */
  readonly operationOf: (request: OpenRequest) => string | undefined;
}

/** How a request's time divides. `pool` has none of `downstream`. */
export interface Division {
  readonly downstream: readonly Interval[];
  readonly pool: readonly Interval[];
}

const UNDIVIDED: Division = { downstream: [], pool: [] };

/** @param untilUs where what has not ended is cut, from the request's arrival */
export function divisionOf(
  { calls, waits }: Pick<OpenRequest, "calls" | "waits">,
  untilUs: number,
): Division {
  if (calls.length === 0 && waits.length === 0) return UNDIVIDED;
  const cut = ({ startUs, endUs }: { startUs: number; endUs: number }): Interval => [
    startUs,
    endUs < 0 ? untilUs : Math.min(endUs, untilUs),
  ];
  const downstream = unionOf(calls.map(cut));
  const pools = waits.filter(({ kind, downstream: to }) => kind === "pool" && to !== undefined);
  return { downstream, pool: without(unionOf(pools.map(cut)), downstream) };
}

export class LoadCells {
  readonly #slots: SlotLine;
  readonly #open: OpenRequests<OpenRequest>;
  readonly #operationOf: (request: OpenRequest) => string | undefined;
  /** By operation, then by the slot's serial. */
  readonly #cells = new Map<string, Map<number, Cell>>();

  constructor({ slots, open, operationOf }: LoadCellsOptions) {
    this.#slots = slots;
    this.#open = open;
    this.#operationOf = operationOf;
  }

  /** A request departed at `arrivedUs + residenceUs`, which `slots` has been advanced to. */
  departed(request: OpenRequest, { operation, residenceUs }: RequestBody): void {
    const division = divisionOf(request, residenceUs);
    this.#settle(request, residenceUs, operation, division);
    const cell = this.#cellAt(operation, request.arrivedUs + residenceUs);
    const { downstream, pool } = division;
    cell.completions += 1;
    cell.exclusiveUs += residenceUs - lengthOf(downstream) - lengthOf(pool);
    if (residenceUs > cell.maxResidenceUs) cell.maxResidenceUs = residenceUs;
    cell.residences.push(residenceUs);
  }

  /**
   * The cells of slots that are over: of all, or of those before the second that runs. They are final, and are not
   * kept. A second in which nothing happened is there, without a cell. Costs the open requests, and the cells.
   */
  take(ofWholeSeconds: boolean): LoadSecond[] {
    const kept = this.#slots.firstKept(ofWholeSeconds);
    for (const request of this.#open) {
      const untilUs = kept.startUs - request.arrivedUs;
      if (untilUs <= 0) break; // in order of arrival
      const operation = this.#operationOf(request);
      if (operation === undefined) continue;
      this.#settle(request, untilUs, operation, divisionOf(request, untilUs));
    }
    const bySecond = new Map<number, LoadCell[]>();
    for (const slot of this.#slots.takeBefore(kept)) {
      const second = secondOf(slot);
      const into = bySecond.get(second) ?? [];
      bySecond.set(second, into);
      for (const [operation, cells] of this.#cells) {
        const cell = cells.get(slot.serial);
        if (cell !== undefined) into.push(finishedCell(operation, slot, cell));
      }
    }
    // With those of slots that were forgotten before anybody took them.
    for (const [operation, cells] of this.#cells) {
      for (const serial of cells.keys()) if (serial < kept.serial) cells.delete(serial);
      if (cells.size === 0) this.#cells.delete(operation);
    }
    return [...bySecond].map(([second, cells]) => ({ second, cells }));
  }

  /** Lays down what was not yet, up to `untilUs` after the arrival. */
  #settle(request: OpenRequest, untilUs: number, operation: string, division: Division): void {
    const { arrivedUs } = request;
    if (request.settledUs < 0) {
      this.#cellAt(operation, arrivedUs).arrivals += 1;
      request.settledUs = 0;
    }
    const from = request.settledUs;
    if (untilUs <= from) return;
    request.settledUs = untilUs;
    this.#lay(operation, arrivedUs, [from, untilUs], "inFlightUs");
    if (division === UNDIVIDED) return;
    for (const interval of clipped(division.downstream, from, untilUs)) {
      this.#lay(operation, arrivedUs, interval, "downstreamUs");
    }
    for (const interval of clipped(division.pool, from, untilUs)) {
      this.#lay(operation, arrivedUs, interval, "poolUs");
    }
  }

  #lay(
    operation: string,
    arrivedUs: number,
    [start, end]: Interval,
    field: "inFlightUs" | "downstreamUs" | "poolUs",
  ): void {
    let fromUs = arrivedUs + start;
    const endUs = arrivedUs + end;
    for (let index = this.#slots.indexOf(fromUs); fromUs < endUs; index += 1) {
      const slot = this.#slots.at(index);
      if (slot === undefined) return;
      const toUs = Math.min(endUs, slot.endUs);
      this.#cell(operation, slot)[field] += toUs - fromUs;
      fromUs = toUs;
    }
  }

  #cellAt(operation: string, us: number): Cell {
    return this.#cell(operation, this.#slots.at(this.#slots.indexOf(us)) as Slot);
  }

  #cell(operation: string, { serial }: Slot): Cell {
    let cells = this.#cells.get(operation);
    if (cells === undefined) {
      cells = new Map();
      this.#cells.set(operation, cells);
    }
    let cell = cells.get(serial);
    if (cell === undefined) {
      cell = {
        ...{ arrivals: 0, completions: 0, exclusiveUs: 0, maxResidenceUs: 0, inFlightUs: 0 },
        ...{ downstreamUs: 0, poolUs: 0, residences: [] },
      };
      cells.set(serial, cell);
    }
    return cell;
  }
}

function finishedCell(operation: string, slot: Slot, { residences, ...sums }: Cell): LoadCell {
  return {
    operation,
    slot: slot.number - secondOf(slot) * SLOTS_PER_SECOND,
    lengthUs: slot.endUs - slot.startUs,
    ...sums,
    residences: bucketsOf(residences),
  };
}

/** Residences on the histogram's layout: [lowest value of the bucket, count], rising. */
export function bucketsOf(residences: readonly number[]): [valueUs: number, count: number][] {
  const counts = new Map<number, number>();
  for (const us of residences) {
    const bucket = latencyBucketUs(us);
    counts.set(bucket, (counts.get(bucket) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => a[0] - b[0]);
}
