import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  longestOf,
  type Reading,
  stalenessOf,
} from "../../../../agent/examples/zookeeper-staleness/staleness.ts";

const REPLICAS = ["a", "b", "c"];

function reading(atMs: number, replica: string, version: number, znode = "z"): Reading {
  return { atMs, replica, znode, version };
}

describe("staleness over all cuts", () => {
  it("is counted by cuts and by time, from the first cut at which all show all", () => {
    const answer = stalenessOf(
      [
        ...[reading(0, "a", 1), reading(1, "b", 1), reading(2, "c", 1)],
        ...[reading(5, "a", 2), reading(7, "a", 3), reading(10, "b", 3), reading(20, "c", 3)],
      ],
      REPLICAS,
      ["z"],
      2,
    );
    // At 2, 5, 7, 10 and 20: c is behind by 0, 1, 2, 2, 0, each until the next.
    expect(answer.cuts).toBe(5);
    expect(answer.shares.get("c")).toEqual(
      new Map([
        [0, { cuts: 2, ms: 3 }],
        [1, { cuts: 1, ms: 2 }],
        [2, { cuts: 2, ms: 13 }],
      ]),
    );
    expect(answer.findings).toEqual([
      { replica: "b", znode: "z", fromMs: 7, toMs: 10, firstVersion: 1, lastVersion: 1, worst: 2 },
      { replica: "c", znode: "z", fromMs: 7, toMs: 20, firstVersion: 1, lastVersion: 1, worst: 2 },
    ]);
    expect(longestOf(answer.findings)?.replica).toBe("c");
  });

  it("sees readings of one time as one cut", () => {
    const all = [0, 1].flatMap((atMs) => REPLICAS.map((one) => reading(atMs, one, 9 * atMs)));
    const { cuts, findings } = stalenessOf(all, REPLICAS, ["z"], 1);
    expect({ cuts, findings }).toEqual({ cuts: 2, findings: [] });
  });

  it("gives a finding that is still open the end of the readings", () => {
    const all = [
      ...REPLICAS.map((one) => reading(0, one, 0)),
      reading(3, "a", 5),
      reading(8, "b", 5),
    ];
    expect(stalenessOf(all, REPLICAS, ["z"], 5).findings).toMatchObject([
      { replica: "b", fromMs: 3, toMs: 8 },
      { replica: "c", fromMs: 3, toMs: 8, lastVersion: 0 },
    ]);
  });

  it("is at every moment what a look at all readings up to it says", () => {
    const znodes = ["y", "z"];
    const steps = fc.array(
      fc.record({
        replica: fc.constantFrom(...REPLICAS),
        znode: fc.constantFrom(...znodes),
        more: fc.integer({ min: 1, max: 4 }),
        waitMs: fc.integer({ min: 0, max: 3 }),
      }),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 6 }), (taken, k) => {
        const readings = REPLICAS.flatMap((one) =>
          znodes.map((znode) => reading(0, one, 0, znode)),
        );
        const versionOf = (at: number, replica: string, znode: string): number =>
          Math.max(
            ...readings
              .filter((one) => one.replica === replica && one.znode === znode && one.atMs <= at)
              .map(({ version }) => version),
          );
        let atMs = 0;
        for (const { replica, znode, more, waitMs } of taken) {
          atMs += waitMs;
          readings.push(reading(atMs, replica, versionOf(atMs, replica, znode) + more, znode));
        }
        const { findings } = stalenessOf(readings, REPLICAS, znodes, k);
        for (const replica of REPLICAS) {
          for (const znode of znodes) {
            for (let at = 0; at < atMs; at += 1) {
              const newest = Math.max(...REPLICAS.map((one) => versionOf(at, one, znode)));
              const isBehind = newest - versionOf(at, replica, znode) >= k;
              const isFound = findings.some(
                (one) =>
                  one.replica === replica &&
                  one.znode === znode &&
                  one.fromMs <= at &&
                  at < one.toMs,
              );
              expect(isFound).toBe(isBehind);
            }
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});
