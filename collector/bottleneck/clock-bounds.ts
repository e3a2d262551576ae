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

export interface Offset {
  /** Of the callee's, or the other node's, clock minus ours: it lies between. */
  readonly lowUs: number;
  readonly highUs: number;
}

/** What was known after a call ended, at `atUs` of the caller's clock. */
interface KnownOffset extends Offset {
  readonly atUs: number;
}

/** Bounds older than this are not used, however little clocks drift. */
const OLDEST_US = 300_000_000;

export class EdgeClock {
  readonly from: string;
  readonly to: string;
  /** Times at which a clock was set, by the caller's clock. */
  readonly steps: readonly number[];
  readonly #known: readonly KnownOffset[];
  readonly #driftPpm: number;

  constructor(edge: CallEdge, driftPpm: number) {
    this.from = edge.from;
    this.to = edge.to;
    this.#driftPpm = driftPpm;
    const known: KnownOffset[] = [];
    const steps: number[] = [];
    const ended = edge.calls
      .flatMap(({ startUs, endUs, callee }) =>
        callee === null ? [] : [{ startUs, endUs, callee }],
      )
      .sort((a, b) => a.endUs - b.endUs);
    for (const { startUs, endUs, callee } of ended) {
      const lowUs = callee.arrivedUs + callee.residenceUs - endUs;
      const highUs = callee.arrivedUs - startUs;
      // One that contradicts itself was measured across a step.
      if (lowUs > highUs) continue;
      const before = known.at(-1);
      const widened = before === undefined ? undefined : this.#widened(before, endUs);
      const low = Math.max(lowUs, widened?.lowUs ?? lowUs);
      const high = Math.min(highUs, widened?.highUs ?? highUs);
      if (low <= high) known.push({ atUs: endUs, lowUs: low, highUs: high });
      else {
        steps.push(endUs);
        known.push({ atUs: endUs, lowUs, highUs });
      }
    }
    this.#known = known;
    this.steps = steps;
  }

  /** What is known at a time of the caller's clock, from calls that had ended by then. */
  at(us: number): Offset | undefined {
    let low = 0;
    let high = this.#known.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#known[middle] as KnownOffset).atUs <= us) low = middle + 1;
      else high = middle;
    }
    const known = this.#known[low - 1];
    return known === undefined || us - known.atUs > OLDEST_US
      ? undefined
      : this.#widened(known, us);
  }

  #widened({ atUs, lowUs, highUs }: KnownOffset, us: number): Offset {
    const drift = (Math.max(0, us - atUs) * this.#driftPpm) / 1e6;
    return { lowUs: lowUs - drift, highUs: highUs + drift };
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
