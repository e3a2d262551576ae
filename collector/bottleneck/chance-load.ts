/**
 * What load comes to by chance: requests that are slow, and normally so, meet now and then.
 *
 *     /reports, 60 ms, six a second      ------   ------  ------            ------
 *                                                     ------   ------
 *                                              ------
 *     load                              1        2   3   2   1               1         and nothing is wrong
 *
 * Median and deviation know nothing of it, as most windows hold none of them. So load must also be above what
 * independent arrivals at the usual rates, each as long as such requests are, reach with the probability p at most
 * (Chernoff's bound on shot noise, over the lengths that the baseline saw, episodes and all).
 */
import { SLOT_US, SLOTS_PER_SECOND } from "../../agent/kernel/index.ts";
import type { LoadTrack } from "./load-track.ts";
import type { RequestLengths } from "./request-lengths.ts";
import { type BottleneckSettings, SLOT_MS } from "./settings.ts";

/** Requests that come independently of each other and load a node for so long each. */
export interface RequestKind {
  readonly lengthUs: number;
  /** How many begin in a microsecond. */
  readonly perUs: number;
}

/** What is to be known of one operation. */
export interface OperationLengths {
  readonly track: LoadTrack;
  readonly lengths: RequestLengths;
}

/** Lengths are told apart as finely as this, rounded up. */
const STEPS_PER_DOUBLING = 4;
/** Where the bound is looked for: any place gives one, the best of these is within 1 % of the best. */
const FIRST_TILT = 0.01;
const LAST_TILT = 25;
const TILT_STEP = 1.1;

/** The mean load of a window that requests of these kinds exceed with probability `p` at most. */
export function chanceLimit(kinds: readonly RequestKind[], windowUs: number, p: number): number {
  let least = Number.POSITIVE_INFINITY;
  for (let tilt = FIRST_TILT; tilt <= LAST_TILT; tilt *= TILT_STEP) {
    const grown = kinds.reduce((sum, kind) => sum + cumulant(kind, windowUs, tilt), 0);
    least = Math.min(least, (grown - Math.log(p)) / tilt);
  }
  return least;
}

/**
 * Of one kind, log E[exp(tilt x load)]: by where a request begins it overlaps with the window for up to the shorter
 * of both, rising and falling at the ends.
 */
function cumulant({ lengthUs, perUs }: RequestKind, windowUs: number, tilt: number): number {
  const most = Math.min(lengthUs, windowUs);
  const full = Math.exp((tilt * most) / windowUs) - 1;
  const inside = Math.abs(lengthUs - windowUs) * full;
  const atEnds = 2 * ((windowUs / tilt) * full - most);
  return perUs * (inside + atEnds);
}

/** The limits of one node, each worked out when first asked for. */
export class ChanceLoad {
  readonly #operations: () => readonly OperationLengths[];
  readonly #settings: BottleneckSettings;
  readonly #kinds = new Map<number, readonly RequestKind[]>();
  readonly #limits = new Map<string, number>();

  constructor(operations: () => readonly OperationLengths[], settings: BottleneckSettings) {
    this.#operations = operations;
    this.#settings = settings;
  }

  /** Of a window of so many slots; like a baseline, of the time before a multiple of `baselineStepMs`. */
  limitAt(slot: number, slots: number): number {
    const { baselineStepMs, chanceProbability } = this.#settings;
    const stepSlots = baselineStepMs / SLOT_MS;
    const until = Math.floor(slot / stepSlots) * stepSlots;
    const key = `${until} ${slots}`;
    let limit = this.#limits.get(key);
    if (limit === undefined) {
      limit = chanceLimit(this.#kindsBefore(until), slots * SLOT_US, chanceProbability);
      this.#limits.set(key, limit);
    }
    return limit;
  }

  #kindsBefore(until: number): readonly RequestKind[] {
    let kinds = this.#kinds.get(until);
    if (kinds === undefined) {
      kinds = kindsOf(this.#operations(), until, this.#settings.baselineMs / SLOT_MS);
      this.#kinds.set(until, kinds);
    }
    return kinds;
  }
}

/**
 * What requests there were in so many slots. Of each its residence is known, and of its operation how much was
 * waiting in all: what the usual request waits is taken off, and rates are made to fit the load that there was.
 */
function kindsOf(views: readonly OperationLengths[], until: number, slots: number): RequestKind[] {
  const perUs = new Map<number, number>();
  for (const view of views) {
    let [totalUs, inFlightUs, exclusiveUs] = [0, 0, 0];
    for (const { window } of view.track.windows(until - slots, until, SLOTS_PER_SECOND)) {
      totalUs += window.lengthUs;
      inFlightUs += window.inFlight * window.lengthUs;
      exclusiveUs += window.exclusive * window.lengthUs;
    }
    const lengths = view.lengths.between(until - slots, until);
    const total = lengths.reduce((sum, { count }) => sum + count, 0);
    if (totalUs === 0 || total === 0) continue;
    const waitUs = (inFlightUs - exclusiveUs) / total;
    const own = lengths.map(({ us, count }) => ({ us: Math.max(1, us - waitUs), count }));
    const sumUs = own.reduce((sum, { us, count }) => sum + us * count, 0);
    const fit = Math.min(1, exclusiveUs / sumUs) / totalUs;
    for (const { us, count } of own) {
      const step = Math.ceil(Math.log2(us) * STEPS_PER_DOUBLING);
      perUs.set(step, (perUs.get(step) ?? 0) + count * fit);
    }
  }
  return [...perUs].map(([step, each]) => {
    return { lengthUs: 2 ** (step / STEPS_PER_DOUBLING), perUs: each };
  });
}
