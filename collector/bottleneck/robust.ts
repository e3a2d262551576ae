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
  const known = all.subarray(0, count);
  const median = medianOf(known);
  // In place: the values are not needed any more.
  for (let i = 0; i < count; i += 1) known[i] = Math.abs((known[i] as number) - median);
  const s = Math.max(MAD_TO_S * medianOf(known), floor, floorShare * Math.abs(median));
  return { median, s, count };
}

/** Of one value or more, none of them NaN; changes their order. */
export function medianOf(values: Float64Array): number {
  const half = values.length >> 1;
  select(values, half);
  const upper = values[half] as number;
  if (values.length % 2 === 1) return upper;
  let lower = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < half; i += 1) lower = Math.max(lower, values[i] as number);
  return (lower + upper) / 2;
}

/**
 * Hot: sorting was a third of what a look costs. Puts the k-th lowest in its place, what is not above it before it and
 * what is not below it after it (Hoare's quickselect; many values are equal here, and are parted evenly).
 */
function select(values: Float64Array, k: number): void {
  let first = 0;
  let last = values.length - 1;
  while (first < last) {
    const pivot = middleOf(
      values[first] as number,
      values[(first + last) >> 1] as number,
      values[last] as number,
    );
    let i = first;
    let j = last;
    while (i <= j) {
      while ((values[i] as number) < pivot) i += 1;
      while ((values[j] as number) > pivot) j -= 1;
      if (i > j) break;
      const swapped = values[i] as number;
      values[i] = values[j] as number;
      values[j] = swapped;
      i += 1;
      j -= 1;
    }
    if (k <= j) last = j;
    else if (k >= i) first = i;
    else return;
  }
}

function middleOf(a: number, b: number, c: number): number {
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
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
