/** Percentiles of merges: those of all values together, within the width of a bucket. */
import fc from "fast-check";
import hdr, { type Histogram } from "hdr-histogram-js";
import { beforeAll, describe, expect, it } from "vitest";
import { encodeLoad, latencyBucketUs, type SideBlock } from "../../../agent/kernel/index.ts";
import { Buckets } from "../../../collector/bottleneck/buckets.ts";
import { LatencyMerge } from "../../../collector/bottleneck/latency.ts";
import { v2Counts } from "../../../collector/bottleneck/v2-counts.ts";
import { finish } from "../../../collector/cut/turns.ts";
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

  it("are those of the pooled requests over any windows, nodes and operations", () => {
    const requests = fc.array(
      fc.record({
        node: fc.constantFrom("a", "b"),
        operation: fc.constantFrom("GET /x", "GET /y"),
        slot: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 299 })),
        us: fc.integer({ min: 1, max: 60_000_000 }),
      }),
      { minLength: 1, maxLength: 400 },
    );
    const windows = fc.constantFrom(10, 20, 50, 100, 500);
    fc.assert(
      fc.property(requests, windows, fc.boolean(), (all, windowMs, isOfOne) => {
        const merge = new LatencyMerge({
          ...{ fromUs: 0, untilUs: 3e6, windowMs },
          ...(isOfOne ? { operations: new Set(["GET /x"]) } : {}),
        });
        for (const node of ["a", "b"]) {
          const blocks = loadBlocks(all.filter((one) => one.node === node));
          finish(merge.adding([{ node, service: node, epoch: 1, blocks }]));
        }
        const { server } = finish(merge.summing());
        const counted = all.filter(({ operation }) => !isOfOne || operation === "GET /x");
        expect(server.total.count).toBe(counted.length);
        const slots = windowMs / 10;
        for (const { startUs, count, maxUs, percentiles } of server.windows) {
          const pooled = counted
            .filter(({ slot }) => Math.floor(slot / slots) * windowMs * 1e3 === startUs)
            .map(({ us }) => us)
            .sort((a, b) => a - b);
          expect([count, maxUs]).toEqual([pooled.length, pooled.at(-1)]);
          // Of fewer none would lie beyond it.
          const { p50Us, p90Us, p95Us, p99Us, p999Us } = percentiles;
          const given = [p50Us, p90Us, p95Us, p99Us, p999Us].map((us) => us !== null);
          expect(given).toEqual([2, 10, 20, 100, 1_000].map((fewest) => pooled.length >= fewest));
          const exact = pooled[Math.ceil(0.99 * pooled.length) - 1] as number;
          const p99 = p99Us ?? exact;
          expect(Math.abs(p99 - exact)).toBeLessThanOrEqual(Math.max(1, exact * 0.001));
        }
        const counts = server.windows.reduce((sum, { count }) => sum + count, 0);
        expect(counts).toBe(counted.length);
      }),
      { numRuns: 40 },
    );
  });
});

/** One node's cells, a block a second; a residence each, so that merging has something to do. */
function loadBlocks(
  requests: readonly { readonly operation: string; readonly slot: number; readonly us: number }[],
): SideBlock[] {
  return [0, 1, 2].map((second): SideBlock => {
    const cells = requests
      .filter(({ slot }) => Math.floor(slot / 100) === second)
      .map(({ operation, slot, us }) => ({
        ...{ operation, slot: slot % 100, lengthUs: 10_000, arrivals: 1, completions: 1 },
        ...{ exclusiveUs: us, maxResidenceUs: us, inFlightUs: 0, downstreamUs: 0, poolUs: 0 },
        residences: [[latencyBucketUs(us), 1]] as const,
      }));
    return { stream: "load", second, part: 0, bytes: encodeLoad(cells) };
  });
}
