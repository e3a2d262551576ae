/** What load comes to by chance, against a simulation of requests that come when they like. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { chanceLimit, type RequestKind } from "../../../collector/bottleneck/chance-load.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import "../../support/seed.ts";

const WINDOWS = 20_000;

/** Mean load of each window, request by request. */
function simulated(kinds: readonly RequestKind[], windowUs: number, seed: number): Float64Array {
  const random = seededRandom(seed);
  const loads = new Float64Array(WINDOWS);
  for (const { lengthUs, perUs } of kinds) {
    for (let at = -lengthUs; ; ) {
      at += -Math.log(1 - random()) / perUs;
      if (at >= WINDOWS * windowUs) break;
      const last = Math.min(WINDOWS - 1, Math.floor((at + lengthUs) / windowUs));
      for (let i = Math.max(0, Math.floor(at / windowUs)); i <= last; i += 1) {
        const overlap = Math.min(at + lengthUs, (i + 1) * windowUs) - Math.max(at, i * windowUs);
        loads[i] = (loads[i] as number) + overlap / windowUs;
      }
    }
  }
  return loads.sort();
}

const kind = fc.record({
  lengthUs: fc.integer({ min: 200, max: 150_000 }),
  perUs: fc.double({ min: 1e-6, max: 3e-4, noNaN: true }),
});

it("is reached no more often than it says, and is not far above what is", () => {
  fc.assert(
    fc.property(
      fc.array(kind, { minLength: 1, maxLength: 3 }),
      fc.constantFrom(10_000, 50_000, 100_000),
      fc.nat(),
      (kinds, windowUs, seed) => {
        const loads = simulated(kinds, windowUs, seed);
        const limit = chanceLimit(kinds, windowUs, 0.01);
        const above = loads.filter((load) => load > limit).length;
        // Long requests make neighbouring windows alike: so many count as few.
        expect(above / WINDOWS).toBeLessThan(0.02);
        const mean = kinds.reduce((sum, { lengthUs, perUs }) => sum + lengthUs * perUs, 0);
        const spread = Math.sqrt(
          loads.reduce((sum, load) => sum + (load - mean) ** 2, 0) / WINDOWS,
        );
        expect(limit).toBeLessThan(mean + 4.5 * spread + 2);
      },
    ),
    { numRuns: 25 },
  );
});

it("is nothing to speak of where nothing comes", () => {
  expect(chanceLimit([], 10_000, 1e-5)).toBeLessThan(0.5);
});
