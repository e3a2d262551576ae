import fc from "fast-check";
import hdr from "hdr-histogram-js";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { decodeHistograms, encodeHistograms, MAX_LATENCY_US } from "../../../agent/kernel/index.ts";
import {
  type HistogramMaker,
  LatencyHistograms,
  loadHistograms,
  MAX_HISTOGRAMS,
} from "../../../agent/tracing/latency-histograms.ts";
import { bucketsOf } from "../../../agent/tracing/load-cells.ts";

let maker: HistogramMaker;
beforeAll(async () => {
  maker = await loadHistograms();
});
const opened: LatencyHistograms[] = [];
afterEach(() => {
  for (const histograms of opened.splice(0)) histograms.close();
});

function ready(): LatencyHistograms {
  const histograms = new LatencyHistograms();
  histograms.ready(maker);
  opened.push(histograms);
  return histograms;
}

const decoded = (v2: Uint8Array) => hdr.WasmHistogram.decode(v2);
const PERCENTILES = [0, 10, 50, 90, 99, 99.9, 100];
const latencies = fc.array(fc.integer({ min: 1, max: MAX_LATENCY_US }), {
  minLength: 1,
  maxLength: 200,
});

describe("latency histograms", () => {
  it("and the residences of cells give the same percentiles, however they are parted and merged", () => {
    fc.assert(
      fc.property(latencies, fc.nat({ max: 5 }), (all, parts) => {
        const histograms = ready();
        const merged = maker.make();
        const restored = maker.make();
        for (let part = 0; part <= parts; part += 1) {
          const own = all.filter((_, i) => i % (parts + 1) === part);
          for (const us of own) histograms.server("GET /", us);
          for (const { v2 } of histograms.take()) {
            const one = decoded(v2);
            merged.add(one);
            one.destroy();
          }
          for (const [us, count] of bucketsOf(own)) restored.recordValueWithCount(us, count);
        }
        const pooled = maker.make();
        for (const us of all) pooled.recordValue(us);
        expect(merged.encode()).toEqual(pooled.encode());
        expect(restored.encode()).toEqual(pooled.encode());
        const sorted = all.toSorted((a, b) => a - b);
        for (const percentile of PERCENTILES) {
          const rank = Math.max(1, Math.ceil((percentile / 100) * all.length - 1e-9));
          const exact = sorted[rank - 1] as number;
          const said = restored.getValueAtPercentile(percentile);
          // hdr-histogram rounds ranks by half: the neighbour may be named instead.
          const near = [sorted[rank - 2] ?? exact, exact, sorted[rank] ?? exact];
          expect(near.some((value) => Math.abs(said - value) <= value / 1_000 + 1)).toBe(true);
        }
        for (const one of [merged, restored, pooled]) one.destroy();
      }),
      { numRuns: 25 },
    );
  });

  it("tell servers and callers apart, and begin anew once they were taken", () => {
    const histograms = ready();
    histograms.server("GET /a", 500);
    histograms.caller("GET /a", "cart:80", 300);
    histograms.caller("GET /a", "stock:80", 200);
    const taken = histograms.take();
    expect(taken.map(({ side, peer }) => [side, peer])).toEqual([
      ["server", null],
      ["caller", "cart:80"],
      ["caller", "stock:80"],
    ]);
    expect(decodeHistograms(encodeHistograms(taken))).toEqual(taken);
    expect(taken.map(({ v2 }) => decoded(v2).maxValue)).toEqual([500, 300, 200]);
    expect(histograms.take()).toEqual([]);
    histograms.server("GET /a", 7);
    expect(histograms.take().map(({ v2 }) => decoded(v2).totalCount)).toEqual([1]);
  });

  it("clamp what is out of range and count it, and what comes before the module waits for it", () => {
    const histograms = new LatencyHistograms();
    opened.push(histograms);
    for (const us of [-5, Number.NaN, MAX_LATENCY_US * 2, 10, 0]) histograms.server("GET /", us);
    expect(histograms.take()).toEqual([]);
    histograms.ready(maker);
    const [one] = histograms.take();
    expect(one && decoded(one.v2).totalCount).toBe(5);
    expect(histograms.clampedCount).toBe(3);
  });

  it("are of a fixed number: what finds none is counted, and the next second has them all again", () => {
    const histograms = ready();
    for (let i = 0; i < MAX_HISTOGRAMS + 3; i += 1) histograms.caller("GET /", `peer-${i}`, 5);
    expect(histograms.unrecordedCount).toBe(3);
    expect(histograms.take()).toHaveLength(MAX_HISTOGRAMS);
    for (let i = 0; i < MAX_HISTOGRAMS; i += 1) histograms.caller("GET /", `other-${i}`, 5);
    expect(histograms.take()).toHaveLength(MAX_HISTOGRAMS);
    expect(histograms.unrecordedCount).toBe(3);
  });
});
