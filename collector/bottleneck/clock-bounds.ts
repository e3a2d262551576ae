/**
 * How far two nodes' raw physical clocks are apart, as far as their calls can tell.
 *
 *     caller  --- DS ------------------------- DR ---        theta = callee's clock - caller's clock
 *     callee  -------- UA ---------- UD -------------        UD - DR <= theta <= UA - DS
 *
 * Each call bounds theta; the bounds of many are intersected, widened by drift as they age. When nothing is
 * left a clock was set: the bounds begin anew with that call. Bounds add along a path.
 *
 * Only raw physical stamps will do: an HLC stamp that merged a later one hides how slow a callee was.
 */
import type { CallEdge } from "./call-edges.ts";
import type { TracedCall } from "./recording.ts";

export interface Offset {
  /** Of the callee's, or the other node's, clock minus ours: it lies between. */
  readonly lowUs: number;
  readonly highUs: number;
}

/** Bounds older than this are not used, however little clocks drift. */
const OLDEST_US = 300_000_000;

export class EdgeClock {
  readonly from: string;
  readonly to: string;
  /** Times at which a clock was set, by the caller's clock. */
  readonly steps: readonly number[];
  /** What was known after each call: when it ended, the lower bound, the upper one. */
  readonly #atUs: Float64Array;
  readonly #lowUs: Float64Array;
  readonly #highUs: Float64Array;
  #count = 0;
  readonly #driftPpm: number;

  constructor(edge: CallEdge, driftPpm: number) {
    this.from = edge.from;
    this.to = edge.to;
    this.#driftPpm = driftPpm;
    const ended = edge.calls
      .filter(({ callee }) => callee !== null)
      .sort((a, b) => a.endUs - b.endUs);
    this.#atUs = new Float64Array(ended.length);
    this.#lowUs = new Float64Array(ended.length);
    this.#highUs = new Float64Array(ended.length);
    const steps: number[] = [];
    for (const call of ended) if (this.#note(call)) steps.push(call.endUs);
    this.steps = steps;
  }

  /** Whether it contradicts what was known: a clock was set. */
  #note({ startUs, endUs, callee }: TracedCall): boolean {
    if (callee === null) return false;
    let lowUs = callee.arrivedUs + callee.residenceUs - endUs;
    let highUs = callee.arrivedUs - startUs;
    // One that contradicts itself was measured across a step.
    if (lowUs > highUs) return false;
    const last = this.#count - 1;
    let isStep = false;
    if (last >= 0) {
      const drift = this.#drift(last, endUs);
      const low = Math.max(lowUs, (this.#lowUs[last] as number) - drift);
      const high = Math.min(highUs, (this.#highUs[last] as number) + drift);
      isStep = low > high;
      if (!isStep) {
        lowUs = low;
        highUs = high;
      }
    }
    this.#atUs[this.#count] = endUs;
    this.#lowUs[this.#count] = lowUs;
    this.#highUs[this.#count] = highUs;
    this.#count += 1;
    return isStep;
  }

  /** What is known at a time of the caller's clock, from calls that had ended by then. */
  at(us: number): Offset | undefined {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#atUs[middle] as number) <= us) low = middle + 1;
      else high = middle;
    }
    const i = low - 1;
    if (i < 0 || us - (this.#atUs[i] as number) > OLDEST_US) return undefined;
    const drift = this.#drift(i, us);
    const [lowUs, highUs] = [this.#lowUs[i] as number, this.#highUs[i] as number];
    return { lowUs: lowUs - drift, highUs: highUs + drift };
  }

  #drift(i: number, us: number): number {
    return (Math.max(0, us - (this.#atUs[i] as number)) * this.#driftPpm) / 1e6;
  }
}

/** Where each node's clock stands against one of them, at one time. */
export interface ClockFrame {
  readonly reference: string;
  /** Nodes that no calls lead to are not in it. */
  readonly offsets: ReadonlyMap<string, Offset>;
}

/**
 * Bounds against `reference`, along the paths on which they are tightest. `atUs` is of its clock, and as good
 * for others, as long as they are not seconds apart.
 */
export function frameOf(clocks: readonly EdgeClock[], reference: string, atUs: number): ClockFrame {
  const offsets = new Map<string, Offset>([[reference, { lowUs: 0, highUs: 0 }]]);
  const settled = new Set<string>();
  for (;;) {
    const next = [...offsets]
      .filter(([node]) => !settled.has(node))
      .sort(([, a], [, b]) => widthOf(a) - widthOf(b))[0];
    if (next === undefined) return { reference, offsets };
    const [node, base] = next;
    settled.add(node);
    for (const clock of clocks) {
      const isForward = clock.from === node;
      if (!isForward && clock.to !== node) continue;
      const other = isForward ? clock.to : clock.from;
      const edge = settled.has(other) ? undefined : clock.at(atUs + base.highUs);
      if (edge === undefined) continue;
      const found = isForward
        ? { lowUs: base.lowUs + edge.lowUs, highUs: base.highUs + edge.highUs }
        : { lowUs: base.lowUs - edge.highUs, highUs: base.highUs - edge.lowUs };
      const before = offsets.get(other);
      if (before === undefined || widthOf(found) < widthOf(before)) offsets.set(other, found);
    }
  }
}

export function widthOf({ lowUs, highUs }: Offset): number {
  return highUs - lowUs;
}

/** The middle of the bounds; 0 for a node that nothing is known of: its clock is taken as it is. */
export function shiftOf({ offsets }: ClockFrame, node: string): number {
  const offset = offsets.get(node);
  return offset === undefined ? 0 : (offset.lowUs + offset.highUs) / 2;
}

/** How far the truth may be from `shiftOf`; undefined: nothing is known. */
export function uncertaintyOf({ offsets }: ClockFrame, node: string): number | undefined {
  const offset = offsets.get(node);
  return offset === undefined ? undefined : widthOf(offset) / 2;
}
