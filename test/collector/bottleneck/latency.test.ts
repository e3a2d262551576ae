/** Percentiles of merges: those of all values together, within the width of a bucket. */
import fc from "fast-check";
import hdr, { type Histogram } from "hdr-histogram-js";
import { beforeAll, describe, expect, it } from "vitest";
import { Buckets } from "../../../collector/bottleneck/buckets.ts";
import { v2Counts } from "../../../collector/bottleneck/v2-counts.ts";
import "../../support/seed.ts";

const values = fc.array(
  fc.oneof(fc.integer({ min: 1, max: 5_000 }), fc.integer({ min: 1, max: 3_600_000_000 })),
  { minLength: 1, maxLength: 300 },
);
const PERCENTILES = [0.1, 50, 90, 99, 99.9, 100];

interface WasmHistogram extends Histogram {
  encode(): Uint8Array;
}

beforeAll(() => hdr.initWebAssembly());

function histogramOf(us: readonly number[]): WasmHistogram {
  const histogram = hdr.build({
    ...{ lowestDiscernibleValue: 1, highestTrackableValue: 3_600_000_000, bitBucketSize: 32 },
    ...{ numberOfSignificantValueDigits: 3, autoResize: false, useWebAssembly: true },
  });
  for (const one of us) histogram.recordValue(one);
  return histogram as WasmHistogram;
}

describe("merged latencies", () => {
  it("have the percentiles of all values together, whichever way they were parted", () => {
    fc.assert(
      fc.property(fc.array(values, { minLength: 1, maxLength: 6 }), (parts) => {
        const merged = new Buckets();
        for (const part of parts) {
          const buckets = new Buckets();
          for (const one of part) buckets.add(one);
          merged.merge(buckets);
        }
        const pooled = parts.flat().sort((a, b) => a - b);
        expect(merged.total).toBe(pooled.length);
        for (const percentile of PERCENTILES) {
          const rank = Math.max(1, Math.ceil((percentile / 100) * pooled.length - 1e-9));
          const exact = pooled[rank - 1] as number;
          const found = merged.percentile(percentile);
          expect(Math.abs(found - exact)).toBeLessThanOrEqual(Math.max(1, exact * 0.001));
        }
      }),
    );
  });

  it("agree with hdr-histogram-js bucket by bucket", () => {
    fc.assert(
      fc.property(values, (us) => {
        const buckets = new Buckets();
        for (const one of us) buckets.add(one);
        const histogram = histogramOf(us);
        for (const percentile of PERCENTILES) {
          expect(buckets.percentile(percentile)).toBe(histogram.getValueAtPercentile(percentile));
        }
        expect(v2Counts(histogram.encode())).toEqual(buckets.sorted());
        histogram.destroy();
      }),
      { numRuns: 50 },
    );
  });
});
