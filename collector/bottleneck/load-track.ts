/**
 * The load of one node, or of one of its operations, slot by slot: cells laid out in columns.
 *
 *     slot      firstSlot                                            a slot is 10 ms of physical time,
 *     known     1 1 1 1 ... 1 0 0 0 ... 0 1 1                        numbered since 1970
 *     load      integrals of requests over time, us x requests
 *
 * A slot is known if any part of its second has come; of the last second, whose rest may be on its way, up to
 * its last cell. An operation without a cell in a known slot had nothing to do there. Parts of a second add up, and so do operations. Rates divide by a slot's own
 * monotonic length, so that a step of the wall clock spoils none.
 */
import { type LoadCell, SLOT_US, SLOTS_PER_SECOND } from "../../agent/kernel/index.ts";
import { Buckets } from "./buckets.ts";
import type { LoadSecond } from "./recording.ts";

/** What a slot or a window holds. Counts of requests are averages over its length. */
export interface LoadWindow {
  readonly lengthUs: number;
  readonly arrivals: number;
  readonly completions: number;
  readonly exclusiveUs: number;
  readonly maxResidenceUs: number;
  readonly inFlight: number;
  readonly exclusive: number;
  readonly downstream: number;
  readonly pool: number;
}

export class LoadTrack {
  readonly firstSlot: number;
  readonly slotCount: number;
  readonly #known: Uint8Array;
  readonly #lengthUs: Float64Array;
  readonly #arrivals: Float64Array;
  readonly #completions: Float64Array;
  readonly #exclusiveUs: Float64Array;
  readonly #maxUs: Float64Array;
  readonly #inFlightUs: Float64Array;
  readonly #downstreamUs: Float64Array;
  readonly #poolUs: Float64Array;
  readonly #residences = new Map<number, LoadCell["residences"][number][]>();

  /** Of seconds ascending; `takes` chooses operations. */
  constructor(seconds: readonly LoadSecond[], takes: (operation: string) => boolean) {
    const first = seconds[0]?.second ?? 0;
    const last = seconds.at(-1)?.second ?? first - 1;
    this.firstSlot = first * SLOTS_PER_SECOND;
    this.slotCount = (last - first + 1) * SLOTS_PER_SECOND;
    this.#known = new Uint8Array(this.slotCount);
    this.#lengthUs = new Float64Array(this.slotCount);
    this.#arrivals = new Float64Array(this.slotCount);
    this.#completions = new Float64Array(this.slotCount);
    this.#exclusiveUs = new Float64Array(this.slotCount);
    this.#maxUs = new Float64Array(this.slotCount);
    this.#inFlightUs = new Float64Array(this.slotCount);
    this.#downstreamUs = new Float64Array(this.slotCount);
    this.#poolUs = new Float64Array(this.slotCount);
    for (const { second, cells } of seconds) this.#addSecond(second - first, cells, takes);
    const latest = seconds.at(-1)?.cells ?? [];
    const lastSlot = latest.reduce((most, { slot }) => Math.max(most, slot), -1);
    if (seconds.length > 0) {
      this.#known.fill(0, this.slotCount - SLOTS_PER_SECOND + lastSlot + 1);
    }
  }

  #addSecond(offset: number, cells: readonly LoadCell[], takes: (name: string) => boolean): void {
    const base = offset * SLOTS_PER_SECOND;
    this.#known.fill(1, base, base + SLOTS_PER_SECOND);
    for (const cell of cells) {
      const i = base + cell.slot;
      // All operations of a slot have its length: another part of it may be a shorter one.
      this.#lengthUs[i] = Math.max(this.#lengthUs[i] as number, cell.lengthUs);
      if (takes(cell.operation)) this.#addCell(i, cell);
    }
  }

  #addCell(i: number, cell: LoadCell): void {
    this.#arrivals[i] = (this.#arrivals[i] as number) + cell.arrivals;
    this.#completions[i] = (this.#completions[i] as number) + cell.completions;
    this.#exclusiveUs[i] = (this.#exclusiveUs[i] as number) + cell.exclusiveUs;
    this.#maxUs[i] = Math.max(this.#maxUs[i] as number, cell.maxResidenceUs);
    this.#inFlightUs[i] = (this.#inFlightUs[i] as number) + cell.inFlightUs;
    this.#downstreamUs[i] = (this.#downstreamUs[i] as number) + cell.downstreamUs;
    this.#poolUs[i] = (this.#poolUs[i] as number) + cell.poolUs;
    if (cell.residences.length === 0) return;
    const pairs = this.#residences.get(i);
    if (pairs === undefined) this.#residences.set(i, [...cell.residences]);
    else pairs.push(...cell.residences);
  }

  /** After the last slot. */
  get endSlot(): number {
    return this.firstSlot + this.slotCount;
  }

  isKnown(slot: number, slots = 1): boolean {
    const i = slot - this.firstSlot;
    if (i < 0 || i + slots > this.slotCount) return false;
    for (let j = i; j < i + slots; j += 1) if (this.#known[j] === 0) return false;
    return true;
  }

  /** The window of so many slots; undefined where not all of it is known. */
  window(slot: number, slots = 1): LoadWindow | undefined {
    if (!this.isKnown(slot, slots)) return undefined;
    const i = slot - this.firstSlot;
    let lengthUs = 0;
    let maxResidenceUs = 0;
    for (let j = i; j < i + slots; j += 1) {
      lengthUs += (this.#lengthUs[j] as number) || SLOT_US;
      maxResidenceUs = Math.max(maxResidenceUs, this.#maxUs[j] as number);
    }
    const inFlightUs = sum(this.#inFlightUs, i, slots);
    const downstreamUs = sum(this.#downstreamUs, i, slots);
    const poolUs = sum(this.#poolUs, i, slots);
    return {
      lengthUs,
      arrivals: sum(this.#arrivals, i, slots),
      completions: sum(this.#completions, i, slots),
      exclusiveUs: sum(this.#exclusiveUs, i, slots),
      maxResidenceUs,
      inFlight: inFlightUs / lengthUs,
      exclusive: Math.max(0, inFlightUs - downstreamUs - poolUs) / lengthUs,
      downstream: downstreamUs / lengthUs,
      pool: poolUs / lengthUs,
    };
  }

  /** The windows of a scale that lie in [from, until), aligned to multiples of the scale. */
  *windows(
    from: number,
    until: number,
    slots: number,
  ): Generator<{ readonly slot: number; readonly window: LoadWindow }, void, undefined> {
    const first = Math.ceil(Math.max(from, this.firstSlot) / slots) * slots;
    const end = Math.min(until, this.endSlot);
    for (let slot = first; slot + slots <= end; slot += slots) {
      const window = this.window(slot, slots);
      if (window !== undefined) yield { slot, window };
    }
  }

  /** The lowest value of each latency's bucket, and how many, of what completed in [from, until). */
  eachLatency(from: number, until: number, visit: (us: number, count: number) => void): void {
    const first = Math.max(0, from - this.firstSlot);
    const end = Math.min(this.slotCount, until - this.firstSlot);
    for (let i = first; i < end; i += 1) {
      for (const [us, count] of this.#residences.get(i) ?? []) visit(us, count);
    }
  }

  /** The latencies of what completed in so many slots, merged. */
  latencies(slot: number, slots: number): Buckets {
    const merged = new Buckets();
    const first = Math.max(0, slot - this.firstSlot);
    const end = Math.min(this.slotCount, slot - this.firstSlot + slots);
    for (let i = first; i < end; i += 1) {
      const pairs = this.#residences.get(i);
      if (pairs === undefined) continue;
      merged.addAll(pairs);
      merged.noteMax(this.#maxUs[i] as number);
    }
    return merged;
  }
}

function sum(column: Float64Array, first: number, count: number): number {
  let total = 0;
  for (let i = first; i < first + count; i += 1) total += column[i] as number;
  return total;
}
