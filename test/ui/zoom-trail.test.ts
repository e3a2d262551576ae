import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Hlc } from "../../agent/kernel/index.ts";
import { MAX_TRAIL, type TrailStop, ZoomTrail } from "../../ui/src/model/zoom-trail.ts";

const stop = (from: number, live = false): TrailStop => ({
  view: { from: from as Hlc, to: (from + 100) as Hlc },
  live,
});

describe("the zoom trail", () => {
  it("walks back through every rest and forward again, and forgets what was taken back", () => {
    const moves = fc.oneof(
      fc.record({ do: fc.constant("rest" as const), from: fc.nat(8) }),
      fc.record({ do: fc.constantFrom("back" as const, "forward" as const), from: fc.constant(0) }),
    );
    fc.assert(
      fc.property(fc.array(moves, { maxLength: 120 }), (history) => {
        const trail = new ZoomTrail();
        // Plain lists: what lies behind, and what was taken back.
        let past: number[] = [];
        let future: number[] = [];
        for (const move of history) {
          const here = past.at(-1);
          if (move.do === "rest") {
            trail.rest(stop(move.from));
            if (move.from !== here) {
              past = [...past, move.from].slice(-MAX_TRAIL);
              future = [];
            }
          } else if (here !== undefined) {
            const found = move.do === "back" ? trail.back(stop(here)) : trail.forward(stop(here));
            if (move.do === "back" && past.length > 1) {
              past = past.slice(0, -1);
              future = [here, ...future];
              expect(found?.view.from).toBe(past.at(-1));
            } else if (move.do === "forward" && future.length > 0) {
              past = [...past, future[0] as number];
              future = future.slice(1);
              expect(found?.view.from).toBe(past.at(-1));
            } else expect(found).toBeUndefined();
          }
          expect([trail.canGoBack, trail.canGoForward]).toEqual([
            past.length > 1,
            future.length > 0,
          ]);
        }
      }),
    );
  });

  it("comes back from a motion that has not rested yet", () => {
    const trail = new ZoomTrail();
    trail.rest(stop(1));
    expect(trail.back(stop(7))?.view.from).toBe(1);
    expect(trail.forward(stop(1))?.view.from).toBe(7);
  });

  it("takes a live view that went on for one stop", () => {
    const trail = new ZoomTrail();
    for (const from of [1, 2, 3]) trail.rest(stop(from, true));
    expect(trail.canGoBack).toBe(false);
    trail.rest(stop(3));
    expect(trail.back(stop(3))).toEqual(stop(3, true));
  });
});
