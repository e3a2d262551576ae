/**
 * When requests are meant to start: Poisson arrivals from a seed, at a rate that may change.
 *
 * Open loop: the list is made before the first request leaves, so a slow answer delays no later one. A gap of
 * a unit-rate process is stretched by the rate where it falls, which is exact for rates that change in steps.
 */
import { seededRandom } from "../../support/seeded-random.ts";

export interface RateStep {
  /** From here on; ms from the start of the load. */
  readonly fromMs: number;
  readonly ratePerSecond: number;
}

/** Ways through the topology, and the share of each in a hundred. */
export const ROUTES: ReadonlyArray<readonly [path: string, share: number]> = [
  // Answered at the door: half of what comes costs one tier, not five, and the machine stays half idle.
  ["/pages", 45],
  ["/orders", 42],
  ["/offers", 12],
  // Slow, and normally so: nobody may call it a bottleneck.
  ["/reports", 1],
];

export interface Arrivals {
  /** Rising, ms from the start. */
  readonly atMs: Float64Array;
  /** Index into ROUTES. */
  readonly route: Uint8Array;
}

/** @param steps by time, the first at 0; rates above 0 */
export function arrivalsOf(seed: number, steps: readonly RateStep[], totalMs: number): Arrivals {
  const random = seededRandom(seed);
  const at: number[] = [];
  const route: number[] = [];
  let step = 0;
  let now = 0;
  while (step < steps.length) {
    // How much of a unit-rate process's time has to pass until the next one.
    let left = -Math.log(1 - random());
    for (;;) {
      const perMs = (steps[step]?.ratePerSecond ?? 0) / 1_000;
      const until = Math.min(steps[step + 1]?.fromMs ?? totalMs, totalMs);
      const room = (until - now) * perMs;
      if (left < room) {
        now += left / perMs;
        break;
      }
      left -= room;
      now = until;
      step += 1;
      if (now >= totalMs || step >= steps.length) {
        return { atMs: Float64Array.from(at), route: Uint8Array.from(route) };
      }
    }
    at.push(now);
    route.push(routeOf(random() * 100));
  }
  return { atMs: Float64Array.from(at), route: Uint8Array.from(route) };
}

function routeOf(drawn: number): number {
  let below = 0;
  for (const [index, [, share]] of ROUTES.entries()) {
    below += share;
    if (drawn < below) return index;
  }
  return ROUTES.length - 1;
}
