import { describe, expect, it } from "vitest";
import {
  impossibleCuts,
  isSame,
  judge,
} from "../../../../agent/examples/zookeeper-staleness/judge.ts";
import { readingsApart } from "../../../../agent/examples/zookeeper-staleness/read-journals.ts";
import { seenPauses } from "../../../../agent/examples/zookeeper-staleness/seen-pauses.ts";
import type { Finding } from "../../../../agent/examples/zookeeper-staleness/staleness.ts";

function finding(versions: readonly [number, number], fromMs: number, toMs: number): Finding {
  const [firstVersion, lastVersion] = versions;
  return { replica: "a", znode: "z", fromMs, toMs, firstVersion, lastVersion, worst: 5 };
}

describe("the judge of findings", () => {
  it("tells the false, the missed and the true apart by what the replica showed", () => {
    const truth = [
      finding([3, 4], 100, 140),
      finding([9, 9], 500, 560),
      finding([20, 20], 800, 805),
    ];
    const found = [
      finding([4, 6], 1_100, 1_150), // the first, by a clock that is a second ahead
      finding([12, 13], 1_300, 1_400), // never so
      finding([15, 15], 1_410, 1_415), // too short to be asked about
      finding([20, 21], 1_800, 1_830), // short in truth, but true
    ];
    expect(judge(found, truth, 20)).toEqual({
      found: 3,
      falseCount: 1,
      falseMs: 100,
      trueCount: 2,
      missedCount: 1,
    });
  });

  it("never takes another replica or another znode for the same", () => {
    const one = finding([3, 4], 0, 10);
    expect(isSame(one, { ...one, fromMs: 500, toMs: 600 })).toBe(true);
    expect(isSame(one, { ...one, replica: "b" })).toBe(false);
    expect(isSame(one, { ...one, znode: "y" })).toBe(false);
    expect(isSame(one, finding([5, 5], 0, 10))).toBe(false);
  });
});

describe("cuts that cannot have been", () => {
  it("show a version that nobody has written by then", () => {
    const written = [1, 2, 3].map((version) => ({ atMs: version * 10, znode: "z", version }));
    const read = (atMs: number, version: number) => ({ atMs, replica: "a", znode: "z", version });
    expect(impossibleCuts([read(12, 1), read(25, 2), read(30, 3)], written)).toBe(0);
    // At 5 and 15 the replica is ahead of the writer; at 21 it still shows what is written by then.
    expect(impossibleCuts([read(5, 1), read(15, 2), read(21, 2)], written)).toBe(2);
  });
});

describe("a pause of a server", () => {
  const pause = { replica: "a", fromMs: 100, toMs: 300 };

  it("is seen if the stretch of the replica's life that it falls into was found", () => {
    const truth = [finding([7, 7], 150, 310)];
    const found = [finding([7, 8], 9_150, 9_305)];
    expect(seenPauses([pause], truth, found, 20)).toEqual([
      { pause, truth: truth[0], found: found[0] },
    ]);
    expect(seenPauses([pause], truth, [finding([8, 8], 150, 310)], 20)).toEqual([
      { pause, truth: truth[0], found: undefined },
    ]);
  });

  it("has no truth to be found where the replica was not behind", () => {
    const elsewhere = [finding([7, 7], 310, 400), { ...finding([7, 7], 150, 310), replica: "b" }];
    const [seen] = seenPauses([pause], elsewhere, elsewhere, 20);
    expect(seen).toEqual({ pause, truth: undefined, found: undefined });
  });
});

it("tells two accounts of the same readings apart by any of their parts", () => {
  const one = { atMs: 1.25, replica: "a", znode: "z", version: 3 };
  expect(readingsApart([one], [{ ...one }])).toBe(0);
  expect(readingsApart([one], [])).toBe(1);
  expect(readingsApart([one], [{ ...one, atMs: 1.5 }])).toBe(2);
  expect(readingsApart([one], [{ ...one, version: 4 }])).toBe(2);
});
