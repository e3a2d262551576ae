/**
 * Rule 6: on one edge the median hop gap of the calls that begin within 50 ms, three or more, is above
 * m + 4s. Calls count where they begin: those that meet a stall begin while it lasts, and all end after it.
 */
import { type CallEdge, gapOf } from "./call-edges.ts";
import type { Flag } from "./flags.ts";
import { type Usual, usualOf, zOf } from "./robust.ts";
import type { BottleneckSettings } from "./settings.ts";

/** The grain of the rule. */
const WINDOW_US = 50_000;
/** A gap is measured as a median of so many at least; with fewer calls nothing is usual. */
const FEWEST_USUAL = 5;

/** An edge with what is usual of it. */
export class EdgeView {
  readonly edge: CallEdge;
  readonly #settings: BottleneckSettings;
  readonly #medians: ReadonlyMap<number, number>;
  readonly #usual = new Map<number, Usual | undefined>();

  constructor(edge: CallEdge, settings: BottleneckSettings) {
    this.edge = edge;
    this.#settings = settings;
    this.#medians = mediansOf(edge, settings.hopGapCalls);
  }

  /** What is usual of the median of a window, before that time of the caller's clock. */
  usualAt(us: number): Usual | undefined {
    const { baselineStepMs, baselineMs, warmUpMs } = this.#settings;
    const step = Math.floor(us / 1_000 / baselineStepMs) * baselineStepMs;
    if (this.#usual.has(step)) return this.#usual.get(step);
    const end = (step * 1_000) / WINDOW_US;
    const values: number[] = [];
    for (let i = end - (baselineMs * 1_000) / WINDOW_US; i < end; i += 1) {
      const median = this.#medians.get(i);
      if (median !== undefined) values.push(median);
    }
    const first = this.edge.calls[0]?.startUs ?? Number.POSITIVE_INFINITY;
    const isWarm = step * 1_000 - first >= warmUpMs * 1_000 - WINDOW_US;
    const usual = isWarm && values.length >= FEWEST_USUAL ? this.#spread(values) : undefined;
    this.#usual.set(step, usual);
    return usual;
  }

  /** Flags of windows that begin in [fromUs, untilUs) of the caller's clock. */
  flags(fromUs: number, untilUs: number): Flag[] {
    const flags: Flag[] = [];
    const last = Math.ceil(untilUs / WINDOW_US);
    for (let i = Math.ceil(fromUs / WINDOW_US); i < last; i += 1) {
      const value = this.#medians.get(i);
      const usual = value === undefined ? undefined : this.usualAt(i * WINDOW_US);
      if (value === undefined || usual === undefined) continue;
      const score = zOf(value, usual);
      if (score <= this.#settings.flagAt) continue;
      flags.push({
        rule: "hop-gap",
        node: this.edge.from,
        operation: null,
        to: this.edge.to,
        startUs: i * WINDOW_US,
        endUs: (i + 1) * WINDOW_US,
        windowMs: WINDOW_US / 1_000,
        value,
        median: usual.median,
        score,
        opens: true,
      });
    }
    return flags;
  }

  #spread(values: readonly number[]): Usual | undefined {
    const { latencyFloorUs, latencyFloorShare, flagAt, mergeMs } = this.#settings;
    return usualOf(values, {
      floor: latencyFloorUs,
      floorShare: latencyFloorShare,
      outlierAt: flagAt,
      neighbours: Math.ceil((mergeMs * 1_000) / WINDOW_US),
    });
  }
}

/** By window: the median gap of the calls that begin in it, if there are enough. */
function mediansOf(edge: CallEdge, fewest: number): Map<number, number> {
  const medians = new Map<number, number>();
  let window = Number.NaN;
  let gaps: number[] = [];
  const close = (): void => {
    if (gaps.length < fewest) return;
    gaps.sort((a, b) => a - b);
    medians.set(window, gaps[gaps.length >> 1] as number);
  };
  for (const call of edge.calls) {
    const at = Math.floor(call.startUs / WINDOW_US);
    if (at !== window) {
      close();
      window = at;
      gaps = [];
    }
    const gapUs = gapOf(edge, call);
    if (gapUs !== undefined) gaps.push(gapUs);
  }
  close();
  return medians;
}
