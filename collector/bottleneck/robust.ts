/**
 * What is usual: median and s = 1.4826 x MAD of values, without those that belong to an episode.
 *
 * Episodes are left out by what the values themselves show: whatever stands above m + 4s of all, with its
 * neighbours, does not count. So a baseline depends on nothing but the stretch that it is made from, and
 * live detection, which began long ago, has the same one as a look at the past, which began just before.
 */

export interface Usual {
  readonly median: number;
  /** Floored: see `usualOf`. */
  readonly s: number;
  readonly count: number;
}

/** MAD of a normal distribution, as a standard deviation. */
const MAD_TO_S = 1.4826;

export interface UsualOptions {
  readonly floor: number;
  readonly floorShare: number;
  /** Values above median + so many s are an episode's. */
  readonly outlierAt: number;
  /** So many neighbours on either side are as well. */
  readonly neighbours: number;
}

/** Of values in order of time; those that are NaN are not known. Undefined: there is none. */
export function usualOf(values: ArrayLike<number>, options: UsualOptions): Usual | undefined {
  const all = spread(values, options);
  if (all === undefined) return undefined;
  const limit = all.median + options.outlierAt * all.s;
  const calm: number[] = [];
  let nextOut = nextAbove(values, 0, limit);
  let lastOut = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i += 1) {
    if (i > nextOut) nextOut = nextAbove(values, i, limit);
    if (i === nextOut) lastOut = i;
    const isNear = i - lastOut <= options.neighbours || nextOut - i <= options.neighbours;
    if (!isNear) calm.push(values[i] as number);
  }
  // With nearly all of it out of the usual nothing is: then all of it is taken as it is.
  return calm.length * 4 < values.length ? all : (spread(calm, options) ?? all);
}

function nextAbove(values: ArrayLike<number>, from: number, limit: number): number {
  for (let i = from; i < values.length; i += 1) if ((values[i] as number) > limit) return i;
  return Number.POSITIVE_INFINITY;
}

function spread(values: ArrayLike<number>, { floor, floorShare }: UsualOptions): Usual | undefined {
  const all = new Float64Array(values.length);
  let count = 0;
  for (let i = 0; i < values.length; i += 1) {
    const value = values[i] as number;
    if (Number.isNaN(value)) continue;
    all[count] = value;
    count += 1;
  }
  if (count === 0) return undefined;
  const known = all.subarray(0, count).sort();
  const median = middle(known);
  // In place: what was sorted is not needed any more.
  for (let i = 0; i < count; i += 1) known[i] = Math.abs((known[i] as number) - median);
  const deviations = known.sort();
  const s = Math.max(MAD_TO_S * middle(deviations), floor, floorShare * Math.abs(median));
  return { median, s, count };
}

function middle(sorted: Float64Array): number {
  const half = sorted.length >> 1;
  const upper = sorted[half] as number;
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] as number) + upper) / 2;
}

/** How far above the usual a value is, in s. */
export function zOf(value: number, usual: Usual): number {
  return (value - usual.median) / usual.s;
}

/** The probability that so many or more of independent things happen where `mean` are expected. */
export function poissonTail(count: number, mean: number): number {
  if (mean <= 0) return count <= 0 ? 1 : 0;
  let fewer = 0;
  let term = Math.exp(-mean);
  for (let i = 0; i < count; i += 1) {
    fewer += term;
    term *= mean / (i + 1);
  }
  // From here on, upwards: what is left of 1 would be all rounding error.
  let tail = 0;
  for (let i = count; term > tail * 1e-12 && i < count + TAIL_TERMS; i += 1) {
    tail += term;
    term *= mean / (i + 1);
  }
  return count > mean ? tail : Math.max(0, 1 - fewer);
}

const TAIL_TERMS = 10_000;
