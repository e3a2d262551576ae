import fc from "fast-check";
import hdr from "hdr-histogram-js";
import { beforeAll, describe, expect, it } from "vitest";
import {
  decodeHistograms,
  decodeLoad,
  decodeResources,
  encodeHistograms,
  encodeLoad,
  encodeResources,
  type LatencyHistogram,
  type LoadCell,
  latencyBucketUs,
  MAX_LATENCY_US,
  type ResourceSecond,
  RetroError,
} from "../../../agent/kernel/index.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import { histogramsOf, loadCells, resourceSeconds } from "../../support/side-blocks.ts";
import { mutate } from "../../support/wire-mutations.ts";

const LAYOUT = {
  bitBucketSize: 32,
  autoResize: false,
  lowestDiscernibleValue: 1,
  highestTrackableValue: MAX_LATENCY_US,
  numberOfSignificantValueDigits: 3,
  useWebAssembly: true,
} as const;
type Wasm = ReturnType<typeof hdr.build> & { encode(): Uint8Array };

beforeAll(() => hdr.initWebAssembly());

function v2Of(latenciesUs: readonly number[]): Uint8Array {
  const histogram = hdr.build(LAYOUT) as Wasm;
  for (const us of latenciesUs) histogram.recordValue(us);
  const bytes = histogram.encode();
  histogram.destroy();
  return bytes;
}

const aCell: LoadCell = {
  ...{ operation: "GET /cart", slot: 3, lengthUs: 10_000, arrivals: 1, completions: 2 },
  ...{ exclusiveUs: 5, maxResidenceUs: 9, inFlightUs: 7, downstreamUs: 6, poolUs: 1 },
  residences: [
    [5, 1],
    [2_048, 1],
  ],
};
const quiet: ResourceSecond = { gaps: [], gc: [], signals: [], unavailable: [], waits: [] };

describe("side blocks", () => {
  it("come back as they were", () => {
    fc.assert(
      fc.property(loadCells, histogramsOf(v2Of), resourceSeconds, (cells, histograms, second) => {
        expect(decodeLoad(encodeLoad(cells))).toEqual(cells);
        expect(decodeHistograms(encodeHistograms(histograms))).toEqual(histograms);
        expect(decodeResources(encodeResources(second))).toEqual(second);
      }),
      { numRuns: 60 },
    );
  });

  it("have one form: what is read is written with the same bytes", () => {
    fc.assert(
      fc.property(loadCells, histogramsOf(v2Of), resourceSeconds, (cells, histograms, second) => {
        const load = encodeLoad(cells);
        const latencies = encodeHistograms(histograms);
        const resources = encodeResources(second);
        expect(encodeLoad(decodeLoad(load))).toEqual(load);
        expect(encodeHistograms(decodeHistograms(latencies))).toEqual(latencies);
        expect(encodeResources(decodeResources(resources))).toEqual(resources);
      }),
      { numRuns: 20 },
    );
  });

  it("that are damaged are refused by a RetroError, or are others that can be written", () => {
    const samples = <T>(of: fc.Arbitrary<T>, encode: (one: T) => Uint8Array) =>
      fc.sample(of, { seed: 6, numRuns: 30 }).map(encode);
    const kinds: readonly (readonly [Uint8Array[], (bytes: Uint8Array) => Uint8Array])[] = [
      [samples(loadCells, encodeLoad), (bytes) => encodeLoad(decodeLoad(bytes))],
      [
        samples(histogramsOf(v2Of), encodeHistograms),
        (bytes) => encodeHistograms(decodeHistograms(bytes)),
      ],
      [
        samples(resourceSeconds, encodeResources),
        (bytes) => encodeResources(decodeResources(bytes)),
      ],
    ];
    const random = seededRandom(6);
    let valid = 0;
    const refusals = new Set<string>();
    for (let run = 0; run < 9_000; run += 1) {
      const [all, again] = kinds[run % 3] as (typeof kinds)[number];
      const pick = (): Uint8Array => all[Math.floor(random() * all.length)] as Uint8Array;
      const { bytes } = mutate(pick(), pick(), random);
      try {
        expect(again(bytes)).toEqual(bytes);
        valid += 1;
      } catch (error) {
        if (!(error instanceof RetroError)) throw error;
        refusals.add(error.message.replace(/\d+/g, "#"));
      }
    }
    expect(valid).toBeGreaterThan(50);
    expect(refusals.size).toBeGreaterThan(15);
  });

  it("are refused where a reader could be led astray", () => {
    const histogram: LatencyHistogram = {
      ...{ operation: "GET /", side: "server", peer: null, v2: v2Of([5, 70_000]) },
    };
    const otherRange = hdr.build({ ...LAYOUT, highestTrackableValue: 1_000 }) as Wasm;
    const otherV2 = otherRange.encode();
    otherRange.destroy();
    const overlong = Uint8Array.from([...histogram.v2, 0xff, 0xff]);
    new DataView(overlong.buffer).setUint32(4, overlong.length - 40);
    const beyond = Uint8Array.from([...histogram.v2, 0xff, 0xff, 0x3f, 2]);
    new DataView(beyond.buffer).setUint32(4, beyond.length - 40);
    const refusals: readonly (readonly [string, () => unknown])[] = [
      ["outside its second", () => encodeLoad([{ ...aCell, slot: 100 }])],
      ["off the histogram's layout", () => encodeLoad([{ ...aCell, residences: [[2_049, 1]] }])],
      [
        "do not rise",
        () =>
          encodeLoad([
            {
              ...aCell,
              residences: [
                [5, 1],
                [5, 1],
              ],
            },
          ]),
      ],
      ["nobody had", () => encodeLoad([{ ...aCell, residences: [[5, 0]] }])],
      ["the number 0.5", () => encodeLoad([{ ...aCell, inFlightUs: 0.5 }])],
      ["the number -1", () => encodeLoad([{ ...aCell, arrivals: -1 }])],
      ["with a peer", () => encodeHistograms([{ ...histogram, peer: "x" }])],
      ["another kind", () => encodeHistograms([{ ...histogram, v2: otherV2 }])],
      ["too early", () => encodeHistograms([{ ...histogram, v2: new Uint8Array(39) }])],
      ["does not end", () => encodeHistograms([{ ...histogram, v2: overlong }])],
      ["beyond the histogram", () => encodeHistograms([{ ...histogram, v2: beyond }])],
      [
        "without their times",
        () => encodeResources({ ...quiet, signals: [{ name: "run", atUs: [1], values: [] }] }),
      ],
      ["the number", () => encodeResources({ ...quiet, gaps: [{ startUs: 0.5, lengthUs: 1 }] })],
      ["version 2", () => decodeLoad(Uint8Array.of(2, 0, 0))],
      ["too early", () => decodeResources(Uint8Array.of(1, 0, 0))],
    ];
    for (const [why, refused] of refusals) {
      expect(refused, why).toThrow(RetroError);
      expect(refused, why).toThrow(why);
    }
  });

  it("lay latencies down in the buckets of hdr-histogram", () => {
    const histogram = hdr.build(LAYOUT) as Wasm;
    fc.assert(
      fc.property(fc.integer({ min: 1, max: MAX_LATENCY_US }), (us) => {
        histogram.reset();
        histogram.recordValue(us);
        const bytes = histogram.encode();
        histogram.reset();
        histogram.recordValue(latencyBucketUs(us));
        expect(histogram.encode()).toEqual(bytes);
        // The lowest of the bucket: one less is another's.
        if (latencyBucketUs(us) === 1) return;
        histogram.reset();
        histogram.recordValue(latencyBucketUs(us) - 1);
        expect(histogram.encode()).not.toEqual(bytes);
      }),
      { numRuns: 100 },
    );
    histogram.destroy();
    const clamped = [0, -1, Number.NaN, MAX_LATENCY_US + 1, Number.POSITIVE_INFINITY, 1.9];
    const longest = latencyBucketUs(MAX_LATENCY_US);
    expect(clamped.map(latencyBucketUs)).toEqual([1, 1, 1, longest, longest, 1]);
  });
});
