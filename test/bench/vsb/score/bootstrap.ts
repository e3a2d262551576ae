/** Bootstrap intervals: how far a figure would move with other injections of the same kind. */
import { seededRandom } from "../../../support/seeded-random.ts";

const RESAMPLES = 1_000;
const SEED = 20_261_122;

export interface Estimate {
  /** NaN: it cannot be said, as the precision of who detected nothing. */
  readonly value: number;
  /** 95 %: between the 2.5th and the 97.5th percentile of the resamples that could be said. */
  readonly low: number;
  readonly high: number;
  /** Of how many. */
  readonly count: number;
}

/**
 * @param statistic of items drawn from `items` with replacement, as many as there are
 */
export function estimate<T>(
  items: readonly T[],
  statistic: (drawn: readonly T[]) => number,
): Estimate {
  const random = seededRandom(SEED);
  const found: number[] = [];
  for (let i = 0; i < RESAMPLES && items.length > 0; i += 1) {
    const drawn = items.map(() => items[Math.floor(random() * items.length)] as T);
    const value = statistic(drawn);
    if (!Number.isNaN(value)) found.push(value);
  }
  found.sort((a, b) => a - b);
  const at = (part: number): number =>
    found[Math.min(found.length - 1, Math.floor(found.length * part))] ?? Number.NaN;
  return { value: statistic(items), low: at(0.025), high: at(0.975), count: items.length };
}
