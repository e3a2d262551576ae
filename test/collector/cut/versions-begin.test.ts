/** The first version of a variable's history has the time since which it has been so. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Hlc } from "../../../agent/kernel/index.ts";
import type { Row } from "../../support/batches.ts";
import { openCase, SHAPES } from "../../support/history-case.ts";
import { versionText } from "../../support/step-oracle.ts";
import { atMs, join, set, tellHistory } from "../../support/told-history.ts";

const name = ["a", "l", "k"] as const;

describe("the first version in a range", () => {
  it("has the time of the change that made it, however long ago", async () => {
    const { history, tell } = tellHistory({ limits: { roundChanges: 5 } });
    await tell("a", 1, [join(atMs(0)), set(atMs(3), "l", "k", 1), set(atMs(4), "l", "k", 2)]);
    for (let i = 0; i < 100; i += 1) {
      await tell("a", 4 + i, [set(atMs(10 + i), "l", "other", i)]);
    }
    await history.checkpointer.idle();
    const range = { from: atMs(90), to: atMs(100) };
    const { versions } = await history.variable(...name, range, 10);
    expect(versions).toEqual([{ at: atMs(4), epoch: 1, seq: 3, value: 2 }]);
    const exact = await history.variable(...name, { from: atMs(4), to: atMs(100) }, 10);
    expect(exact.versions).toEqual([{ at: atMs(4), epoch: 1, seq: 3, value: 2 }]);
  });

  it("has that of the keyframe which made it known after a loss", async () => {
    const { history, tell } = tellHistory();
    await tell("a", 1, [join(atMs(0)), set(atMs(3), "l", "k", 1)]);
    const lost = { firstSeq: 3, lastSeq: 4, firstT: atMs(5), lastT: atMs(8) };
    const dropped = [{ ...lost, logs: ["l"], messages: false, reason: "overflow" as const }];
    const keyframe = (ms: number): Row => {
      return { t: atMs(ms), kind: "keyframe", log: "l", state: new Map([["k", 7]]) };
    };
    await tell("a", 5, [set(atMs(10), "m", "k", 1), keyframe(20), keyframe(30)], {
      dropped,
      closed: atMs(90),
    });
    const at = async (ms: number) =>
      (await history.variable(...name, { from: atMs(ms), to: atMs(ms) }, 10)).versions;
    expect(await at(15)).toEqual([{ at: atMs(15), epoch: 1, seq: 5, unknown: "lost" }]);
    expect(await at(40)).toEqual([{ at: atMs(20), epoch: 1, seq: 6, value: 7 }]);
  });

  it("holds from its time on up to the range, whatever happened before", async () => {
    let early = 0;
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 2 ** 30 }), fc.nat(4), async (seed, shape) => {
        const one = await openCase({ seed, ...(SHAPES[shape] as (typeof SHAPES)[number]) });
        const { history, oracle, draw, model } = one;
        if (oracle.epochs.length === 0) return;
        const run = draw.one(oracle.epochs);
        const { node } = run.model;
        for (const { log, key } of oracle.variablesOf(run).slice(0, 4)) {
          const from = draw.one(model.times);
          const page = await history.variable(node, log, key, { from, to: from }, 10);
          const [first] = page.versions;
          if (first === undefined || first.at >= from) continue;
          early += 1;
          const state = (t: number): string => {
            const then = oracle.runAt(node, t);
            return versionText(
              oracle.isMember(then, t) ? oracle.cell(oracle.items(then, t), log, key) : undefined,
            );
          };
          const inside = model.times.filter((t) => t >= first.at && t <= from);
          const changes = run.events.filter(
            ({ t, kind }) => t > first.at && t <= from && kind !== "keyframe",
          );
          const isTouched = changes.some(
            (event) => "key" in event && event.log === log && event.key === key,
          );
          // Nothing but changes that left it as it is: a set to the same value begins anew.
          if (oracle.runAt(node, from) === run && inside.length === 1)
            expect(isTouched).toBe(false);
          expect(new Set(inside.map(state)).size).toBe(1);
        }
      }),
      { numRuns: 80 },
    );
    expect(early).toBeGreaterThan(50);
  });
});

it("a range tells what is missing of it without reading events", async () => {
  const { history, tell } = tellHistory();
  await tell("a", 1, [join(atMs(0))]);
  await tell("a", 4, [set(atMs(30), "l", "k", 1)], { closed: atMs(90) });
  const range = (from: number, to: number) => ({ from: atMs(from), to: atMs(to) as Hlc });
  expect(history.missing(range(1, 20), { nodes: ["a"] })).toMatchObject([
    { reason: "hole", seq: 2 },
  ]);
  expect(history.missing({ from: atMs(0), to: atMs(0) })).toEqual([]);
});
