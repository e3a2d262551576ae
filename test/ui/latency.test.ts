/** Latency in the page, without a browser: what is asked, drawn, boxed, compared and linked. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatHlc, type Hlc, parseTime, TICKS_PER_MS } from "../../agent/kernel/index.ts";
import type { LatencySeriesJson } from "../../collector/api/bottleneck-shapes.ts";
import { cellOf } from "../../collector/bottleneck/latency-cells.ts";
import { cellAt, cellWidth, countIn, heatMapOf } from "../../ui/src/latency/heat-map.ts";
import { heatRamp, labOf, RAMP_STEPS, type Rgb, stepOf } from "../../ui/src/latency/heat-ramp.ts";
import {
  boxAround,
  type Edge,
  grown,
  isInBox,
  movedBox,
  slowestCell,
} from "../../ui/src/latency/latency-box.ts";
import { lineOf } from "../../ui/src/latency/latency-lines.ts";
import { CELLS_PER_DOUBLING } from "../../ui/src/latency/latency-question.ts";
import { LatencyScale } from "../../ui/src/latency/latency-scale.ts";
import {
  LEAST_COLUMN_PX,
  latencyQuestion,
  MAX_RANGE_MS,
  servesLatency,
} from "../../ui/src/latency/latency-window.ts";
import { readTypedBox } from "../../ui/src/latency/typed-box.ts";
import "../support/seed.ts";

const START = parseTime("2026-11-21T16:00:00Z", 0 as Hlc);
const at = (ms: number): Hlc => (START + ms * TICKS_PER_MS) as Hlc;
const time = (ms: number) => ({ hlc: formatHlc(at(ms)), time: "" });
const latency = fc.integer({ min: 1, max: 3_600_000_000 });

/** Windows of 50 ms at the given times, each with so many requests by latency. */
function seriesOf(
  windows: readonly (readonly [ms: number, buckets: readonly (readonly [number, number])[]])[],
): LatencySeriesJson {
  const json = windows.map(([ms, buckets]) => {
    const count = buckets.reduce((sum, [, many]) => sum + many, 0);
    const maxUs = buckets.at(-1)?.[0] ?? 0;
    const p99Us = count >= 100 ? maxUs : null;
    const rest = { p50Us: count >= 2 ? maxUs : null, p90Us: null, p95Us: null, p999Us: null };
    return { start: time(ms), count, maxUs, p99Us, ...rest, buckets };
  });
  const total = { count: 0, maxUs: 0, buckets: [] };
  const none = { p50Us: null, p90Us: null, p95Us: null, p99Us: null, p999Us: null };
  return { side: "server", windowMs: 50, windows: json, total: { ...total, ...none } };
}

const MAP = heatMapOf(
  seriesOf([
    [0, [[1_024, 5]]],
    [
      50,
      [
        [1_024, 60],
        [1_280, 40],
      ],
    ],
    [
      150,
      [
        [1_024, 3],
        [65_536, 2],
      ],
    ],
  ]),
);

describe("what is asked", () => {
  const views = fc.record({
    span: fc.integer({ min: 20 * TICKS_PER_MS, max: 20 * 3_600_000 * TICKS_PER_MS }),
    offset: fc.nat(1e12),
    width: fc.integer({ min: 300, max: 4_000 }),
  });

  it("covers the view in whole windows that the collector knows, each some pixels wide", () => {
    fc.assert(
      fc.property(views, ({ span, offset, width }) => {
        const view = { from: (START + offset) as Hlc, to: (START + offset + span) as Hlc };
        const question = latencyQuestion(view, width);
        expect(question).not.toBeNull();
        if (question === null) return;
        const { from, to, windowMs } = question;
        expect(from).toBeLessThanOrEqual(view.from);
        expect(to).toBeGreaterThanOrEqual(view.to);
        expect((to - from) / TICKS_PER_MS).toBeLessThanOrEqual(MAX_RANGE_MS);
        expect((windowMs * TICKS_PER_MS * width) / span).toBeGreaterThanOrEqual(LEAST_COLUMN_PX);
        expect(windowMs % (windowMs < 1_000 ? 10 : 1_000)).toBe(0);
        for (const edge of [from, to])
          expect(Math.abs((edge - START) % (windowMs * TICKS_PER_MS))).toBe(0);
        expect((to - from) / TICKS_PER_MS / windowMs).toBeLessThan(10_000);
        expect(servesLatency({ question, knownTo: view.to }, view, width, view.to)).toBe(true);
      }),
    );
  });

  it("is nothing for a view of more than a day", () => {
    expect(latencyQuestion({ from: START, to: at(25 * 3_600_000) }, 1_000)).toBeNull();
  });

  it("is asked again when the view leaves it, or more becomes known of what was not settled", () => {
    const view = { from: at(0), to: at(10_000) };
    const question = latencyQuestion(view, 1_000);
    if (question === null) throw new Error("ten seconds are told of");
    const later = { from: at(5_000), to: at(15_000) };
    const serves = (knownAt: number, shown: typeof view, knownNow: number) =>
      servesLatency({ question, knownTo: at(knownAt) }, shown, 1_000, at(knownNow));
    expect(serves(60_000, view, 90_000)).toBe(true);
    expect(serves(60_000, later, 60_000)).toBe(false);
    expect(serves(10_000, view, 10_500)).toBe(true);
    expect(serves(10_000, view, 11_500)).toBe(false);
  });
});

describe("cells", () => {
  it("are those that the collector counted by", () => {
    fc.assert(
      fc.property(latency, (us) => {
        const { lowUs, highUs } = cellAt(us);
        expect(lowUs).toBe(cellOf(us, CELLS_PER_DOUBLING));
        expect(cellOf(highUs - 1, CELLS_PER_DOUBLING)).toBe(lowUs);
        expect(cellOf(highUs, CELLS_PER_DOUBLING)).toBe(highUs);
        expect(cellWidth(lowUs)).toBe(highUs - lowUs);
      }),
    );
  });

  it("are counted whole: all of them together are all requests", () => {
    const all = { from: at(0), to: at(200), lowUs: 0, highUs: 1e9 };
    expect(countIn(MAP, all)).toBe(110);
    expect(MAP.most).toBe(60);
    expect(countIn(MAP, { ...all, from: at(150), lowUs: 65_536 })).toBe(2);
  });
});

describe("the scale of latencies", () => {
  it("goes there and back, slow above fast, and holds all of its band", () => {
    fc.assert(
      fc.property(latency, latency, latency, (a, b, us) => {
        const band = { lowUs: Math.min(a, b), highUs: Math.max(a, b) + 1 };
        const scale = new LatencyScale(band, 10, 120);
        expect(scale.band.highUs).toBeGreaterThanOrEqual(band.highUs);
        expect(scale.y(scale.band.highUs)).toBeCloseTo(10, 6);
        expect(scale.y(scale.band.lowUs)).toBeCloseTo(130, 6);
        const inside = Math.min(scale.band.highUs, Math.max(scale.band.lowUs, us));
        expect(scale.us(scale.y(inside)) / inside).toBeCloseTo(1, 6);
        for (const tick of scale.ticks()) {
          expect(scale.y(tick)).toBeGreaterThanOrEqual(10);
          expect(scale.y(tick)).toBeLessThanOrEqual(130);
        }
      }),
    );
  });
});

describe("lines", () => {
  it("stop where a window has too few requests, and where there is none; max goes on", () => {
    const places = (name: "p50" | "p99" | "max") =>
      lineOf(MAP, name).map((part) => part.map(({ t }) => (t - START) / TICKS_PER_MS));
    expect(places("p99")).toEqual([[75]]);
    expect(places("max")).toEqual([[25, 75], [175]]);
  });
});

describe("a box", () => {
  const corner = fc.record({
    t: fc.integer({ min: 0, max: 200 }).map(at),
    us: fc.integer({ min: 1, max: 1e6 }),
  });
  const edges = fc.array(fc.constantFrom<Edge>("left", "right", "up", "down"), { maxLength: 30 });
  const isOnGrid = ({ from, to, lowUs, highUs }: ReturnType<typeof boxAround>) => {
    for (const edge of [from, to]) expect(Math.abs((edge - START) % MAP.windowTicks)).toBe(0);
    expect(cellAt(lowUs).lowUs).toBe(lowUs);
    expect(cellAt(highUs).lowUs).toBe(highUs);
    expect(from).toBeLessThan(to);
    expect(lowUs).toBeLessThan(highUs);
  };

  it("holds both corners, whichever is drawn first, in whole windows and cells", () => {
    fc.assert(
      fc.property(corner, corner, (one, other) => {
        const box = boxAround(MAP, one, other);
        expect(boxAround(MAP, other, one)).toEqual(box);
        isOnGrid(box);
        for (const { t, us } of [one, other]) expect(isInBox(box, t, us)).toBe(true);
      }),
    );
  });

  it("stays on windows and cells, and is never empty, however it is grown and moved by keys", () => {
    fc.assert(
      fc.property(corner, edges, fc.array(fc.boolean(), { minLength: 30 }), (one, keys, shifts) => {
        let box = boxAround(MAP, one, one);
        for (const [i, edge] of keys.entries()) {
          box = shifts[i] === true ? grown(MAP, box, edge) : movedBox(MAP, box, edge);
          isOnGrid(box);
        }
      }),
    );
  });

  it("begins at the slowest requests in view", () => {
    const worst = slowestCell(MAP, { from: at(0), to: at(200) });
    expect(worst).toEqual({ from: at(150), to: at(200), lowUs: 65_536, highUs: 81_920 });
    expect(slowestCell(MAP, { from: at(1_000), to: at(2_000) })).toBeNull();
  });

  it("is read as it is typed, or said what is wrong with it", () => {
    const typed = { from: "16:00:01", to: "16:00:02.5", lowMs: "8", highMs: "0.5e2" };
    const read = (more: Partial<typeof typed>) =>
      readTypedBox({ ...typed, ...more }, START, at(60_000));
    expect(read({})).toEqual({
      box: { from: at(1_000), to: at(2_500), lowUs: 8_000, highUs: 50_000 },
    });
    const wrong = [
      [{ from: "yesterday-ish" }, /no time/],
      [{ to: "16:00:01" }, /end has to come after/],
      [{ lowMs: "fast" }, /numbers of milliseconds/],
      [{ highMs: "" }, /numbers of milliseconds/],
      [{ highMs: "8" }, /slowest has to be more/],
    ] as const;
    for (const [more, words] of wrong) {
      expect(read(more)).toEqual({ problem: expect.stringMatching(words) });
    }
  });
});

describe("the ramp", () => {
  const themes: readonly (readonly [few: Rgb, many: Rgb])[] = [
    [
      [201, 208, 246],
      [31, 10, 92],
    ],
    [
      [53, 60, 120],
      [239, 230, 255],
    ],
  ];

  it("goes in steps that are even to the eye, from few to many", () => {
    for (const [few, many] of themes) {
      const labs = heatRamp(few, many).map((css) =>
        labOf((css.match(/\d+/g) ?? []).map(Number) as unknown as Rgb),
      );
      const distance = (i: number) =>
        Math.hypot(...(labs[i] ?? [0, 0, 0]).map((value, k) => value - (labs[i + 1]?.[k] ?? 0)));
      const steps = Array.from({ length: RAMP_STEPS - 1 }, (_, i) => distance(i));
      // Colours are whole numbers: a step is off by a little.
      expect(Math.max(...steps) / Math.min(...steps)).toBeLessThan(1.5);
    }
  });

  it("gives one request the first colour and the fullest cell the last", () => {
    expect([stepOf(1, 500), stepOf(500, 500)]).toEqual([0, RAMP_STEPS - 1]);
    expect(stepOf(1, 1)).toBe(RAMP_STEPS - 1);
  });
});
