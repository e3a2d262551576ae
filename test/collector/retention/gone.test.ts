/** What is remembered of members whose records are gone. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import "../../support/seed.ts";
import type { Hlc } from "../../../agent/kernel/index.ts";
import { NAMELESS } from "../../../collector/cut/pruned.ts";
import { MAX_GONE, withGone } from "../../../collector/retention/gone.ts";
import type { GoneStretch } from "../../../collector/store/history-store.ts";

function aStretch(node: string, from: number, until: number, epoch?: number): GoneStretch {
  const stretch = { node, from: from as Hlc, until: until as Hlc };
  return epoch === undefined ? stretch : { ...stretch, epoch };
}

/** By looking at each moment: whether somebody was there. */
function thereAt(stretches: readonly GoneStretch[], node: string, t: number): boolean {
  return stretches.some((one) => one.node === node && one.from <= t && t < one.until);
}

describe("stretches that are gone", () => {
  it("are remembered as long as they are, in few pieces, whatever the order in which they go", () => {
    const stretch = fc
      .tuple(fc.constantFrom("n1", "n2"), fc.nat(30), fc.nat(10), fc.integer({ min: 1, max: 99 }))
      .map(([node, from, length, epoch]) => aStretch(node, from, from + length, epoch));
    fc.assert(
      fc.property(fc.array(fc.array(stretch, { maxLength: 5 }), { maxLength: 5 }), (rounds) => {
        const given = rounds.flat();
        const known = rounds.reduce<readonly GoneStretch[]>(
          (before, more) => withGone(before, more, 0),
          [],
        );
        for (const node of ["n1", "n2"]) {
          for (let t = 0; t <= 41; t += 1) {
            expect([node, t, thereAt(known, node, t)]).toEqual([node, t, thereAt(given, node, t)]);
          }
          const own = known.filter((one) => one.node === node).sort((a, b) => a.from - b.from);
          own.forEach((one, i) => {
            const next = own[i + 1];
            if (next !== undefined) expect(next.from).toBeGreaterThan(one.until);
            const inside = given.filter(
              ({ node: of, from, until }) =>
                of === node && from < until && from >= one.from && until <= one.until,
            );
            expect(one.joined ?? one.from).toBe(Math.max(...inside.map(({ from }) => from)));
            expect(one.epoch).toBe(Math.max(...inside.map(({ epoch }) => epoch ?? 0)));
          });
        }
      }),
    );
  });

  it("that touch keep the highest epoch, also where one is not noted", () => {
    const known = [aStretch("n1", 10, 20), aStretch("n2", 10, 20)];
    const more = [aStretch("n1", 20, 30, 7), aStretch("n2", 20, 30)];
    expect(withGone(known, more, 0)).toEqual([
      { ...aStretch("n1", 10, 30, 7), joined: 20 },
      { ...aStretch("n2", 10, 30), joined: 20 },
    ]);
  });

  it("keep how far displaced runs went on, as long as that is beyond them", () => {
    const wentOn = (epoch: number, lastT: number) => ({ epoch, lastT: lastT as Hlc });
    const first = { ...aStretch("n1", 10, 20, 1), wentOn: [wentOn(1, 25)] };
    const second = { ...aStretch("n1", 20, 22, 2), wentOn: [wentOn(2, 40)] };
    const joined = { joined: 20, epoch: 2, wentOn: [wentOn(2, 40), wentOn(1, 25)] };
    expect(withGone([first], [second], 0)).toEqual([{ ...aStretch("n1", 10, 22), ...joined }]);
    const third = aStretch("n1", 22, 30, 3);
    expect(withGone([first, third], [second], 0)).toEqual([
      { ...aStretch("n1", 10, 30, 3), joined: 22, wentOn: [wentOn(2, 40)] },
    ]);
    // One whose stretch is empty: another began in the same moment.
    const empty = { ...aStretch("n2", 10, 10, 4), wentOn: [wentOn(4, 15)] };
    expect(withGone([], [empty, aStretch("n2", 40, 40, 5)], 0)).toEqual([empty]);
  });

  it("are bounded: those before all history are dropped, the oldest of the others lose their names", () => {
    const many = Array.from({ length: MAX_GONE + 10 }, (_, i) =>
      aStretch(`n${i}`, 10 * i, 10 * i + 5, i + 1),
    );
    // Those that ended by 45: n0 to n4.
    const kept = withGone([], many, 45);
    expect(kept).toHaveLength(MAX_GONE);
    expect(kept[0]).toEqual(aStretch(NAMELESS, 50, 105));
    expect(kept[1]).toEqual(many[11]);
    expect(kept.at(-1)).toEqual(many.at(-1));
  });
});
