/** Places in rising columns. */

/** How many of the rising values are at most `limit`. */
export function countUpTo(rising: Float64Array, limit: number): number {
  return firstWhere(rising, (value) => value > limit);
}

/** How many are below it: the index of the first that is not. */
export function countBelow(rising: Float64Array, limit: number): number {
  return firstWhere(rising, (value) => value >= limit);
}

function firstWhere(rising: Float64Array, holds: (value: number) => boolean): number {
  let [low, high] = [0, rising.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(rising[middle] as number)) high = middle;
    else low = middle + 1;
  }
  return low;
}
