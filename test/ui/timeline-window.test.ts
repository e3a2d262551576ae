import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Hlc } from "../../agent/kernel/index.ts";
import {
  bucketTicksOf,
  MAX_PIXELS,
  serves,
  timelineQuestion,
} from "../../ui/src/model/timeline-window.ts";
import { panned, type Viewport, zoomed } from "../../ui/src/scale/time-scale.ts";

const views: fc.Arbitrary<Viewport> = fc
  .tuple(fc.integer({ min: 0, max: 2e14 }), fc.double({ min: 7, max: 46, noNaN: true }))
  .map(([from, logSpan]) => ({ from: from as Hlc, to: (from + Math.floor(2 ** logSpan)) as Hlc }));
const widths = fc.integer({ min: 100, max: 4_000 });

describe("the stretch asked of the timeline", () => {
  it("covers the view, is bounded by pixels, and has at least one bucket a pixel on usual screens", () => {
    fc.assert(
      fc.property(views, widths, (view, width) => {
        const { from, to, pixels } = timelineQuestion(view, width);
        expect(from).toBeLessThanOrEqual(view.from);
        expect(to).toBeGreaterThanOrEqual(view.to);
        expect(pixels).toBeLessThanOrEqual(MAX_PIXELS);
        expect(serves({ from, to, pixels }, view, width)).toBe(true);
        if (width <= 1_600) {
          expect((to - from) / pixels).toBeLessThanOrEqual(
            Math.max(1, (view.to - view.from) / width),
          );
        }
      }),
    );
  });

  it("asks nothing for a small move, and asks again for a large one or another zoom", () => {
    const view = { from: 1_000_000 as Hlc, to: 9_000_000 as Hlc };
    const asked = timelineQuestion(view, 1_000);
    expect(serves(asked, panned(view, 0.1), 1_000)).toBe(true);
    expect(serves(asked, panned(view, 1.5), 1_000)).toBe(false);
    expect(serves(asked, zoomed(view, 0.25, 5_000_000), 1_000)).toBe(false);
  });

  it("makes buckets a power of two, so that answers of one zoom share their borders", () => {
    fc.assert(
      fc.property(views, widths, (view, width) => {
        expect(Number.isInteger(Math.log2(bucketTicksOf(view, width)))).toBe(true);
      }),
    );
  });
});
