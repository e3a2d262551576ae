import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Hlc, MAX_HLC, MIN_HLC, TICKS_PER_MS } from "../../agent/kernel/index.ts";
import { MAX_RULER_LINES, MIN_LABEL_PX, rulerLines } from "../../ui/src/scale/ruler-ticks.ts";
import {
  centred,
  clampTicks,
  FOLD_PX,
  type Fold,
  fitted,
  MAX_SPAN_TICKS,
  MIN_SPAN_TICKS,
  panned,
  revealing,
  TimeScale,
  type Viewport,
  zoomed,
} from "../../ui/src/scale/time-scale.ts";

/** Any view that the page can be in: anywhere between 1970 and 2089, 20 us to ten years wide. */
const views: fc.Arbitrary<Viewport> = fc
  .tuple(
    fc.double({ min: Math.log2(MIN_SPAN_TICKS), max: Math.log2(MAX_SPAN_TICKS), noNaN: true }),
    fc.double({ min: 0, max: 1, noNaN: true }),
  )
  .map(([logSpan, place]) => {
    const span = Math.max(MIN_SPAN_TICKS, Math.floor(2 ** logSpan));
    // Both ends of the range of stamps are near 2^53: the product may round past the last one.
    const wanted = Math.floor(MIN_HLC + place * (MAX_HLC - span - MIN_HLC));
    const from = Math.min(wanted, MAX_HLC - span) as Hlc;
    return { from, to: (from + span) as Hlc };
  });
const widths = fc.integer({ min: 50, max: 4_000 });

describe("the time scale", () => {
  it("finds every pixel again: x of t(x) is within half a tick of x", () => {
    fc.assert(
      fc.property(
        views,
        widths,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (view, width, share) => {
          const scale = new TimeScale(view, width);
          const x = share * width;
          // Half a tick, and what doubles of this size round off.
          const bound = 0.5 / scale.ticksPerPixel + width / 2 ** 48;
          expect(Math.abs(scale.x(scale.t(x)) - x)).toBeLessThanOrEqual(bound);
        },
      ),
    );
  });

  it("finds every visible tick again where a tick is wider than nothing: t of x(t) is exact", () => {
    fc.assert(
      fc.property(
        views,
        widths,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (view, width, share) => {
          const t = Math.round(view.from + share * (view.to - view.from));
          const scale = new TimeScale(view, width);
          const error = Math.abs(scale.t(scale.x(t)) - t);
          // Doubles hold 53 bits: a ten-year view may be off by a few ticks of a quarter microsecond.
          expect(error).toBeLessThanOrEqual(Math.max(0, (view.to - view.from) / 2 ** 48));
        },
      ),
    );
  });

  it("keeps order: a later time is never left of an earlier one", () => {
    fc.assert(
      fc.property(views, widths, fc.nat(), fc.nat(), (view, width, a, b) => {
        const scale = new TimeScale(view, width);
        const [early, late] = [view.from + Math.min(a, b), view.from + Math.max(a, b)];
        expect(scale.x(early)).toBeLessThanOrEqual(scale.x(late));
      }),
    );
  });

  it("measures what lies between two places in milliseconds", () => {
    const from = clampTicks(0);
    const scale = new TimeScale({ from, to: (from + 1_000 * TICKS_PER_MS) as Hlc }, 500);
    expect(scale.measureMs(100, 350)).toBe(500);
  });
});

/** A view with folds anywhere in it, and the oracle's x: what is open before `t`, and the breaks. */
const foldedViews = fc
  .tuple(
    views,
    widths,
    fc.array(fc.double({ min: 0.01, max: 0.99, noNaN: true }), { maxLength: 16 }),
  )
  .map(([viewport, width, shares]) => {
    const span = viewport.to - viewport.from;
    const ends = [...new Set(shares.map((share) => Math.round(viewport.from + share * span)))];
    ends.sort((a, b) => a - b);
    const folds: Fold[] = [];
    for (let i = 0; i + 1 < ends.length; i += 2) {
      folds.push({ from: ends[i] as Hlc, to: ends[i + 1] as Hlc });
    }
    return { viewport, width, scale: new TimeScale(viewport, width, folds) };
  });

function openTicksBefore(t: number, from: number, folds: readonly Fold[]): number {
  return folds.reduce(
    (open, fold) => open - Math.max(0, Math.min(t, fold.to) - Math.min(t, fold.from)),
    t - from,
  );
}

function placeOf(scale: TimeScale, t: number): number {
  const { viewport, width, folds } = scale;
  const open = openTicksBefore(viewport.to, viewport.from, folds);
  const room = width - folds.length * FOLD_PX;
  const breaks = folds.reduce(
    (sum, { from, to }) => sum + FOLD_PX * Math.min(1, Math.max(0, (t - from) / (to - from))),
    0,
  );
  return (openTicksBefore(t, viewport.from, folds) / open) * room + breaks;
}

describe("the time scale with folded silences", () => {
  it("places, finds again, measures and labels within a pixel, in 10,000 views", () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(foldedViews, share, share, ({ viewport, scale }, a, b) => {
        const span = viewport.to - viewport.from;
        const [one, two] = [a, b].map((s) => Math.round(viewport.from + s * span)) as [
          number,
          number,
        ];
        expect(Math.abs(scale.x(one) - placeOf(scale, one))).toBeLessThan(1);
        // Picking is the way back.
        const x = a * scale.width;
        expect(Math.abs(placeOf(scale, scale.t(x)) - x)).toBeLessThan(1 + 1 / scale.ticksPerPixel);
        // Measuring counts what is folded: an end may be off by the ticks of a pixel where it lies.
        const measured = scale.measureMs(scale.x(one), scale.x(two)) * TICKS_PER_MS;
        const ticksOfPixel = (t: number) => {
          const fold = scale.foldAt(t);
          return fold === undefined ? scale.ticksPerPixel : (fold.to - fold.from) / FOLD_PX;
        };
        expect(Math.abs(measured - (two - one))).toBeLessThanOrEqual(
          1 + ticksOfPixel(one) + ticksOfPixel(two),
        );
        // A lane drawn later by some ticks stands where those ticks are; past the last stamp there are none.
        const by = Math.max(Math.round((b - 0.5) * span), viewport.to - MAX_HLC);
        expect(Math.abs(scale.shifted(by).x(one - by) - scale.x(one))).toBeLessThan(1);
      }),
      { numRuns: 10_000 },
    );
  });

  it("has no line of the ruler inside a fold, and lines behind it however long it is", () => {
    fc.assert(
      fc.property(foldedViews, ({ scale }) => {
        const lines = rulerLines(scale);
        for (const { x, label } of lines) {
          for (const { from, to } of scale.folds) {
            const [start, end] = [scale.x(from), scale.x(to)];
            expect(x > start + 0.01 && x < end - 0.01).toBe(false);
            if (label !== "") expect(x > start - 30 && x < end + 30).toBe(false);
          }
        }
        const last = scale.folds.at(-1);
        if (last === undefined || lines.length >= MAX_RULER_LINES) return;
        const behind = scale.width - scale.x(last.to);
        if (behind > 3 * MIN_LABEL_PX)
          expect(lines.some(({ x }) => x >= scale.x(last.to))).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});

describe("moves of the view", () => {
  it("zoom keeps the anchor under the pointer, unless a limit of time or span is reached", () => {
    fc.assert(
      fc.property(
        views,
        fc.double({ min: 0.05, max: 20, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (view, factor, share) => {
          const width = 1_000;
          const anchor = new TimeScale(view, width).t(share * width);
          const after = zoomed(view, factor, anchor);
          const span = after.to - after.from;
          expect(span).toBeGreaterThanOrEqual(MIN_SPAN_TICKS);
          expect(span).toBeLessThanOrEqual(MAX_SPAN_TICKS);
          expect(Number.isSafeInteger(after.from) && Number.isSafeInteger(after.to)).toBe(true);
          if (after.from === MIN_HLC || after.to === MAX_HLC) return;
          const pixel = Math.max(1, 2 * (width / span));
          const moved =
            new TimeScale(after, width).x(anchor) - new TimeScale(view, width).x(anchor);
          expect(Math.abs(moved)).toBeLessThanOrEqual(pixel);
        },
      ),
    );
  });

  it("pan keeps the width and never leaves the time that stamps can have", () => {
    fc.assert(
      fc.property(views, fc.double({ min: -50, max: 50, noNaN: true }), (view, share) => {
        const after = panned(view, share);
        expect(after.to - after.from).toBe(view.to - view.from);
        expect(after.from).toBeGreaterThanOrEqual(MIN_HLC);
        expect(after.to).toBeLessThanOrEqual(MAX_HLC);
      }),
    );
  });

  it("reveals a time with the least move: none if it is visible, else just inside", () => {
    fc.assert(
      fc.property(views, fc.double({ min: -3, max: 3, noNaN: true }), (view, share) => {
        const span = view.to - view.from;
        const t = clampTicks(view.from + share * span);
        const after = revealing(view, t);
        expect(after.to - after.from).toBe(span);
        if (t >= view.from && t <= view.to) expect(after).toEqual(view);
        expect(t >= after.from && t <= after.to).toBe(true);
      }),
    );
  });

  it("centres, and fits with air on both sides", () => {
    const at = clampTicks(1e12);
    const view = centred({ from: clampTicks(0), to: clampTicks(1_000) }, at);
    expect((view.from + view.to) / 2).toBe(at);
    const fit = fitted(5_000, 105_000);
    expect(fit.from).toBeLessThan(5_000);
    expect(fit.to).toBeGreaterThan(105_000);
    expect(fitted(7, 7).to).toBeGreaterThan(7);
  });
});
