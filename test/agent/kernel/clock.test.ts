import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Hlc,
  HlcClock,
  MAX_HLC,
  type PhysicalClock,
  TICKS_PER_MS,
} from "../../../agent/kernel/index.ts";

class HandClock implements PhysicalClock {
  t = 0;
  now(): Hlc {
    return this.t as Hlc;
  }
}

/** One clock with `maxDriftMs: 1`: up to 4,096 ticks ahead of physical time are believed. */
describe("the history of one clock", () => {
  const history: ReadonlyArray<
    readonly [why: string, physical: number, remote: number | null, expected: number]
  > = [
    ["the first event takes physical time", 5_000, null, 5_000],
    ["physical time stands still", 5_000, null, 5_001],
    ["physical time jumps back", 4_000, null, 5_002],
    ["a message comes from ahead", 4_100, 5_500, 5_501],
    ["a message comes from behind", 4_200, 5_100, 5_502],
    ["a message comes with our own last stamp", 4_200, 5_502, 5_503],
    ["physical time overtakes both", 8_191, 6_000, 8_191],
    ["a tie carries into the next millisecond", 8_191, null, 8_192],
    ["a peer exactly at the limit is believed", 8_000, 12_096, 12_097],
    ["a peer one tick beyond it is not", 8_001, 12_098, 12_098],
    ["what is not believed leaves no trace", 8_001, null, 12_099],
    ["no gate for a stamp that cannot push us", 100, 12_099, 12_100],
    ["a stamp that is no number is not merged", 100, Number.NaN, 12_101],
    ["a stamp with a fraction is not merged", 12_000, 12_101.5, 12_102],
    ["a stamp before 2020 is merged, to no effect", 12_000, -5, 12_103],
    ["physical time at last", 20_000, null, 20_000],
  ];

  it.each([["one by one"]])("is as the table says, %s", () => {
    const physical = new HandClock();
    const clock = new HlcClock(physical, { maxDriftMs: 1 });
    for (const [why, at, remote, expected] of history) {
      physical.t = at;
      const t = remote === null ? clock.now() : clock.receive(remote as Hlc);
      expect(t, why).toBe(expected);
      expect(clock.last, why).toBe(expected);
    }
    expect(clock.refusedCount).toBe(3);
  });
});

describe("a clock", () => {
  it("rises with every stamp, and puts a merged receive after its send, whatever time does", () => {
    const step = fc.record({
      physical: fc.integer({ min: -9_000, max: 9_000 }),
      kind: fc.constantFrom("now", "change", "receive"),
      ahead: fc.integer({ min: -20_000, max: 20_000 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const physical = new HandClock();
        const clock = new HlcClock(physical, { maxDriftMs: 2 });
        const limit = 2 * TICKS_PER_MS;
        let last = Number.NEGATIVE_INFINITY;
        let highest = Number.NEGATIVE_INFINITY;
        let wasChange = false;
        for (const { physical: move, kind, ahead } of steps) {
          physical.t += move;
          highest = Math.max(highest, physical.t);
          const remote = (physical.t + ahead) as Hlc;
          const t =
            kind === "now"
              ? clock.now()
              : kind === "change"
                ? clock.change()
                : clock.receive(remote);
          const isShared = t === last && kind === "change" && wasChange;
          expect(t > last || isShared).toBe(true);
          if (isShared) expect(t - physical.t).toBeGreaterThan(limit / 4);
          expect(t).toBeGreaterThanOrEqual(physical.t);
          if (kind === "receive" && clock.lastReceiveMerged) expect(t).toBeGreaterThan(remote);
          if (kind === "receive" && !clock.lastReceiveMerged) expect(ahead).toBeGreaterThan(limit);
          // Nobody pushed us further ahead than the limit, beyond our own stamps.
          expect(t).toBeLessThanOrEqual(highest + limit + steps.length + 1);
          wasChange = kind === "change";
          last = t;
        }
      }),
      { numRuns: 400 },
    );
  });

  it("lets changes share a stamp in a flood, but never across a message or a closed", () => {
    const physical = new HandClock();
    const clock = new HlcClock(physical, { maxDriftMs: 1 }); // a quarter: 1,024 ticks
    physical.t = 1_000;
    for (let i = 0; i <= 1_024; i += 1) expect(clock.change()).toBe(1_000 + i);
    expect(clock.change()).toBe(2_025);
    expect([clock.change(), clock.change()]).toEqual([2_025, 2_025]);
    expect(clock.now()).toBe(2_026); // a send, or closed
    expect([clock.change(), clock.change()]).toEqual([2_027, 2_027]);
    expect(clock.receive(5 as Hlc)).toBe(2_028);
    expect(clock.change()).toBe(2_029);
    physical.t = 2_029;
    expect(clock.change()).toBe(2_030); // physical time has come near again
  });

  it("starts above a ceiling, and is raised to one: the next stamp is later, a shared one too", () => {
    const physical = new HandClock();
    const clock = new HlcClock(physical, { above: 10_000 as Hlc, maxDriftMs: 1 });
    expect(clock.change()).toBe(10_001);
    clock.raiseTo(20_000 as Hlc);
    expect(clock.change()).toBe(20_001);
    clock.raiseTo(20_001 as Hlc);
    expect(clock.change()).toBe(20_002);
    clock.raiseTo(5 as Hlc);
    expect(clock.last).toBe(20_002);
    expect(clock.leadTicks()).toBe(20_002);
  });

  it("counts past 4,096 stamps in a millisecond without wrapping, around every edge", () => {
    for (const start of [0, 4_095, 4_096 * 1_000 - 3, -4_097, MAX_HLC - 20_000]) {
      const physical = new HandClock();
      physical.t = start;
      const clock = new HlcClock(physical);
      for (let i = 0; i < 10_000; i += 1) expect(clock.now()).toBe(start + i);
    }
  });

  it.each([0, -1, Number.NaN])("is not made with maxDriftMs %d", (maxDriftMs) => {
    expect(() => new HlcClock(new HandClock(), { maxDriftMs })).toThrow(
      expect.objectContaining({ code: "bad-config", hint: expect.any(String) }),
    );
  });
});
