/**
 * What the signals of one node say that it was doing, millisecond by millisecond: for each cause the share of
 * each millisecond that it lays claim to. Claims may overlap; the ledger gives each millisecond to one.
 *
 *     wall = run + run-queue wait + blocked          run = GC + JavaScript
 *
 *     gap, run          ->  run       gap, GC              ->  gc
 *     run-queue wait    ->  run-queue, or throttled if the quota's counter grew
 *     gap, state D      ->  sync-io   gap, sampler silent  ->  freeze
 *     no gap            ->  libuv-pool, async-io, pool, lock
 *
 * Counters are read at the times at which they were really sampled: between two samples their growth is spread
 * evenly, and a hole in the samples is evidence itself.
 */

import { firstAt } from "./detect-oldest.ts";
import type { Cause } from "./episode-shape.ts";
import { partsIn, unionOf } from "./intervals.ts";
import type { NodeView } from "./node-view.ts";
import type { Interval, Samples } from "./recording.ts";

/** The grain of the ledger. */
export const GRAIN_US = 1_000;
/** A sampler that says nothing for so long does not run either: its period is 5 ms. */
const SAMPLER_SILENT_US = 15_000;
/** Beyond so much a probe of the thread pool waited for other jobs. */
const PROBE_SLOW_US = 10_000;
/** Waits shorter than this are the cost of having a pool. */
const WAIT_NOTICED_US = 5_000;
/** Outside gaps JavaScript is charged where it leaves the loop no room. */
const SATURATED = 0.9;
/** Share of the time in which some task waited for a disk, to count as pressure. */
const IO_PRESSURE = 0.3;
const UNINTERRUPTIBLE = "D".charCodeAt(0);

/** The claims of one cause: a share from 0 to 1 for each grain of a stretch. */
export type Claim = Float64Array;

export interface Claims {
  readonly stretch: Interval;
  readonly grains: number;
  readonly of: ReadonlyMap<Cause, Claim>;
}

export function claimsIn(view: NodeView, stretch: Interval): Claims {
  const grains = Math.max(1, Math.round((stretch.endUs - stretch.startUs) / GRAIN_US));
  const { recording, gaps } = view;
  const { signals } = recording;
  const inGap = coverage(partsIn(stretch, gaps), stretch, grains);
  const gcUnion = unionOf(recording.gc);
  const inGc = coverage(partsIn(stretch, gcUnion), stretch, grains);
  const run = growth(signals.get("run"), stretch, grains);
  const queued = growth(signals.get("run-queue"), stretch, grains);
  const pressure = growth(signals.get("psi-io"), stretch, grains);
  const isThrottled = hasGrown(signals.get("cgroup-throttled"), stretch);
  const silent = coverage(silences(signals, stretch), stretch, grains);
  const disk = stateOf(signals.get("state"), stretch, grains, UNINTERRUPTIBLE);
  const hasRun = signals.get("run") !== undefined;
  const of = new Map<Cause, Claim>();
  const claim = (cause: Cause, share: (i: number) => number): void => {
    const shares = Float64Array.from({ length: grains }, (_, i) => clamp(share(i)));
    if (shares.some((one) => one > 0)) of.set(cause, shares);
  };
  const at = (column: Float64Array, i: number): number => column[i] as number;
  claim("gc", (i) => Math.min(at(inGc, i), at(inGap, i)));
  claim("run", (i) => {
    const script = at(run, i) - Math.min(at(inGc, i), at(run, i));
    if (at(inGap, i) > 0) return Math.min(script, at(inGap, i));
    return at(run, i) >= SATURATED ? script : 0;
  });
  claim(isThrottled ? "throttled" : "run-queue", (i) => at(queued, i));
  const idle = (i: number): number => at(inGap, i) - at(run, i) - at(queued, i);
  claim("sync-io", (i) => {
    const isWaiting = at(disk, i) > 0 || (!signals.has("state") && at(pressure, i) >= IO_PRESSURE);
    return isWaiting && at(silent, i) === 0 ? idle(i) : 0;
  });
  claim("freeze", (i) => (hasRun ? Math.min(at(silent, i), idle(i)) : 0));
  const free = (i: number): number => 1 - at(inGap, i);
  const probes = coverage(
    partsIn(stretch, slowProbes(signals.get("libuv-probe"))),
    stretch,
    grains,
  );
  claim("libuv-pool", (i) => Math.min(at(probes, i), free(i)));
  claim("async-io", (i) =>
    at(pressure, i) >= IO_PRESSURE ? Math.min(at(pressure, i), free(i)) : 0,
  );
  for (const kind of ["pool", "lock"] as const) {
    const waits = recording.waits.filter(
      (wait) => wait.kind === kind && wait.endUs - wait.startUs >= WAIT_NOTICED_US,
    );
    const waited = coverage(partsIn(stretch, unionOf(waits)), stretch, grains);
    claim(kind, (i) => Math.min(at(waited, i), free(i)));
  }
  return { stretch, grains, of };
}

/** How much of each grain disjoint intervals cover. */
function coverage(parts: readonly Interval[], stretch: Interval, grains: number): Float64Array {
  const covered = new Float64Array(grains);
  for (const part of parts) addShare(covered, stretch, part, 1);
  return covered;
}

/** Adds a share to the grains that a part of the stretch touches, by how much of each. */
function addShare(
  shares: Float64Array,
  { startUs }: Interval,
  part: Interval,
  share: number,
): void {
  const first = Math.max(0, Math.floor((part.startUs - startUs) / GRAIN_US));
  for (let i = first; i < shares.length; i += 1) {
    const from = startUs + i * GRAIN_US;
    if (from >= part.endUs) break;
    const overlap = Math.min(part.endUs, from + GRAIN_US) - Math.max(part.startUs, from);
    shares[i] = Math.min(1, (shares[i] as number) + (share * Math.max(0, overlap)) / GRAIN_US);
  }
}

/** A counter of microseconds: its growth per microsecond, spread evenly between two samples. */
function growth(samples: Samples | undefined, stretch: Interval, grains: number): Float64Array {
  const rates = new Float64Array(grains);
  if (samples === undefined) return rates;
  const { atUs, values } = samples;
  for (let i = Math.max(1, firstAt(samples, stretch.startUs)); i < atUs.length; i += 1) {
    const from = atUs[i - 1] as number;
    const until = atUs[i] as number;
    if (from >= stretch.endUs) break;
    const grown = (values[i] as number) - (values[i - 1] as number);
    // A counter that fell is another process's, or another boot's.
    if (until <= from || grown <= 0) continue;
    const rate = Math.min(1, grown / (until - from));
    addShare(rates, stretch, { startUs: from, endUs: until }, rate);
  }
  return rates;
}

/** Whether a counter grew between the last sample before the stretch and the first after it. */
function hasGrown(samples: Samples | undefined, { startUs, endUs }: Interval): boolean {
  if (samples === undefined) return false;
  const before = Math.max(0, firstAt(samples, startUs) - 1);
  const after = Math.min(samples.values.length - 1, firstAt(samples, endUs));
  return (samples.values[after] ?? 0) > (samples.values[before] ?? 0);
}

/** Stretches in which the sampler took no sample although it always does. */
function silences(signals: ReadonlyMap<string, Samples>, stretch: Interval): Interval[] {
  const samples = signals.get("run") ?? signals.get("heartbeat");
  if (samples === undefined) return [];
  const found: Interval[] = [];
  for (let i = Math.max(1, firstAt(samples, stretch.startUs)); i < samples.atUs.length; i += 1) {
    const startUs = samples.atUs[i - 1] as number;
    const endUs = samples.atUs[i] as number;
    if (startUs >= stretch.endUs) break;
    if (endUs - startUs >= SAMPLER_SILENT_US) found.push({ startUs, endUs });
  }
  return partsIn(stretch, unionOf(found));
}

/** 1 where the latest sample, taken shortly before, or the next, taken shortly after, is the value. */
function stateOf(
  samples: Samples | undefined,
  { startUs }: Interval,
  grains: number,
  value: number,
): Float64Array {
  const is = new Float64Array(grains);
  if (samples === undefined) return is;
  for (let i = 0; i < grains; i += 1) {
    const at = startUs + (i + 0.5) * GRAIN_US;
    const next = firstAt(samples, at);
    const near = [next - 1, next].filter((j) => {
      const us = samples.atUs[j];
      return us !== undefined && Math.abs(us - at) <= STATE_GOOD_US;
    });
    if (near.some((j) => samples.values[j] === value)) is[i] = 1;
  }
  return is;
}

/** A letter is good for so long: it is read every 20 ms in calm. */
const STATE_GOOD_US = 20_000;

/** A probe is sampled when it comes back: it waited before. */
function slowProbes(samples: Samples | undefined): Interval[] {
  if (samples === undefined) return [];
  const slow: Interval[] = [];
  for (const [i, endUs] of samples.atUs.entries()) {
    const us = samples.values[i] as number;
    if (us >= PROBE_SLOW_US) slow.push({ startUs: endUs - us, endUs });
  }
  return unionOf(slow);
}

function clamp(share: number): number {
  return Math.min(1, Math.max(0, share));
}
