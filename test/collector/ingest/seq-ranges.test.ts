import { describe, expect, it } from "vitest";
import type { Hlc, LostRange } from "../../../agent/kernel/index.ts";
import { lostWithout, newlyLost } from "../../../collector/ingest/seq-ranges.ts";
import type { StoredRange } from "../../../collector/store/history-store.ts";

function lost(firstSeq: number, lastSeq: number, firstT: number, lastT: number): LostRange {
  const times = { firstT: firstT as Hlc, lastT: lastT as Hlc };
  return { firstSeq, lastSeq, ...times, logs: ["log"], messages: false, reason: "refused" };
}

function stored(first: number, last: number, firstT: number, closed: number): StoredRange {
  const times = { firstT: firstT as Hlc, lastT: (closed - 1) as Hlc, closed: closed as Hlc };
  return { first, last, ...times };
}

describe("newlyLost", () => {
  it("says of what follows a range declared before that it is not earlier than that range", () => {
    const known = lost(30, 30, 200, 200);
    const news = newlyLost([stored(1, 29, 10, 150)], [known], lost(2, 34, 20, 300));
    expect(news).toEqual([lost(31, 34, 200, 300)]);
  });

  it("says of what comes before a range declared before that it is not later than that range", () => {
    const news = newlyLost([], [lost(30, 30, 200, 210)], lost(20, 34, 100, 300));
    expect(news).toEqual([lost(20, 29, 100, 210), lost(31, 34, 200, 300)]);
  });

  it("never turns a range's times around, whatever was declared of its neighbours", () => {
    const news = newlyLost([], [lost(30, 30, 900, 900)], lost(20, 34, 100, 300));
    expect(news).toEqual([lost(20, 29, 100, 300), lost(31, 34, 300, 300)]);
  });

  it("bounds a range by its stored neighbours, though it touches none of them", () => {
    const around = [stored(1, 10, 10, 150), stored(40, 50, 250, 300)];
    expect(newlyLost(around, [], lost(20, 30, 20, 400))).toEqual([lost(20, 30, 151, 250)]);
  });
});

describe("lostWithout", () => {
  // Simulator, seed 500139: a batch refused for good (31 to 34) had been declared with the time at which
  // what was not captured before it had begun. Its capture then came, and its cuts stayed incomplete.
  it("raises the beginning of all that follows what was stored, next to it or not", () => {
    const ranges = [lost(2, 30, 20, 200), lost(31, 34, 20, 300)];
    expect(lostWithout(ranges, stored(2, 29, 20, 150))).toEqual([
      lost(30, 30, 151, 200),
      lost(31, 34, 151, 300),
    ]);
  });

  it("leaves what it overlaps on both sides", () => {
    expect(lostWithout([lost(1, 9, 10, 90)], stored(4, 5, 40, 60))).toEqual([
      lost(1, 3, 10, 40),
      lost(6, 9, 61, 90),
    ]);
  });
});
