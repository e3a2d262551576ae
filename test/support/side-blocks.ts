/** Contents of side blocks for fast-check: any that may be. */
import fc from "fast-check";
import {
  type LatencyHistogram,
  type LoadCell,
  latencyBucketUs,
  MAX_LATENCY_US,
  type ResourceSecond,
  SLOTS_PER_SECOND,
} from "../../agent/kernel/index.ts";

const name = fc.oneof(
  fc.constantFrom("GET /cart", "other", "__proto__", "", "é😀"),
  fc.string({ unit: "grapheme", maxLength: 12 }),
);
const count = fc.oneof(fc.nat({ max: 300 }), fc.maxSafeNat());
const us = fc.oneof(fc.nat({ max: 20_000 }), fc.nat({ max: 2 ** 50 }));
const offset = fc.oneof(
  fc.integer({ min: -1_000_000, max: 3_000_000 }),
  fc.integer({ min: -(2 ** 49), max: 2 ** 49 }),
);
const latency = fc.oneof(
  fc.integer({ min: 1, max: 5_000 }),
  fc.integer({ min: 1, max: MAX_LATENCY_US }),
);
const residences = fc
  .uniqueArray(
    fc.tuple(latency.map(latencyBucketUs), fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })),
    { maxLength: 6, selector: ([value]) => value },
  )
  .map((pairs) => pairs.sort((a, b) => a[0] - b[0]));

export const loadCells: fc.Arbitrary<LoadCell[]> = fc.array(
  fc.record({
    operation: name,
    slot: fc.nat({ max: SLOTS_PER_SECOND - 1 }),
    lengthUs: us,
    arrivals: count,
    completions: count,
    exclusiveUs: us,
    maxResidenceUs: us,
    inFlightUs: us,
    downstreamUs: us,
    poolUs: us,
    residences,
  }),
  { maxLength: 8 },
);

/** @param v2 encodes a histogram of these latencies */
export function histogramsOf(
  v2: (latenciesUs: readonly number[]) => Uint8Array,
): fc.Arbitrary<LatencyHistogram[]> {
  const one = fc
    .record({
      operation: name,
      peer: fc.option(name),
      latencies: fc.array(latency, { maxLength: 30 }),
    })
    .map(
      ({ operation, peer, latencies }): LatencyHistogram => ({
        ...{ operation, side: peer === null ? "server" : "caller", peer, v2: v2(latencies) },
      }),
    );
  return fc.array(one, { maxLength: 4 });
}

const integer = fc.oneof(
  fc.nat({ max: 5_000 }),
  fc.integer({ min: -(2 ** 51) + 1, max: 2 ** 51 - 1 }),
);
const signals = fc
  .tuple(
    fc.array(fc.array(integer, { maxLength: 6 }), { minLength: 1, maxLength: 3 }),
    fc.array(fc.tuple(name, fc.nat(), fc.array(integer, { minLength: 6, maxLength: 6 })), {
      maxLength: 5,
    }),
  )
  .map(([clocks, all]) =>
    all.map(([signal, pick, values]) => {
      const atUs = clocks[pick % clocks.length] as number[];
      return { name: signal, atUs, values: values.slice(0, atUs.length) };
    }),
  );

export const resourceSeconds: fc.Arbitrary<ResourceSecond> = fc.record({
  gaps: fc.array(fc.record({ startUs: offset, lengthUs: us }), { maxLength: 4 }),
  gc: fc.array(fc.record({ startUs: offset, lengthUs: us, kind: name, heapBytes: count }), {
    maxLength: 4,
  }),
  signals,
  unavailable: fc.array(name, { maxLength: 4 }),
  waits: fc.array(
    fc.record({
      name,
      kind: fc.constantFrom("pool" as const, "lock" as const),
      startUs: offset,
      lengthUs: us,
      downstream: fc.option(name),
    }),
    { maxLength: 4 },
  ),
});
