/**
 * From the store to the rows: every query over random histories (ties, holes, losses, restarts, deletes,
 * sets, nulls, mixed kinds) against the interpreter over cuts that an oracle rebuilt one by one.
 */
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import type { Json } from "../../../../agent/kernel/index.ts";
import type { ResultLine } from "../../../../collector/rql/interpret/lines.ts";
import { openCase, SHAPES } from "../../../support/history-case.ts";
import { ManualTimers } from "../../../support/manual-timers.ts";
import { askHistory } from "./ask-history.ts";
import { naiveAnswer } from "./naive-cuts.ts";
import { asked, rangeIn, textOf } from "./random-questions.ts";

// Bounds for hangs, not measures: each case takes 1 to 4 s of a processor that nobody else wants.
vi.setConfig({ testTimeout: 240_000 });

/** Without what is not the same by design: the time it took, and how reasons are worded. */
function comparable(lines: readonly ResultLine[], isEnded: boolean): unknown[] {
  return lines
    .filter(({ type }) => type !== "progress" && type !== "hit")
    .map((line) => {
      const plain = JSON.parse(JSON.stringify(line)) as Record<string, Json>;
      const reasons = plain["incomplete"] as { node: string; reason: string }[] | undefined;
      if (reasons !== undefined) {
        const named = reasons.map(({ node, reason }) => `${node} ${reason}`);
        plain["incomplete"] = [...new Set(named)].sort();
      }
      delete plain["elapsedMs"];
      // Where a search ends early it ends at a state; more states than needed do no harm.
      if (isEnded) delete plain["searchedTo"];
      return plain;
    });
}

describe("a query over the store", () => {
  let rowCount = 0;
  for (const shape of SHAPES) {
    it(`gives the rows of cuts rebuilt one by one: ${JSON.stringify(shape)}`, async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.integer({ min: 0, max: 2 ** 30 }),
          fc.array(asked, { minLength: 3, maxLength: 3 }),
          async (seed, questions) => {
            const one = await openCase({ seed, ...shape });
            const { history, oracle, model } = one;
            if (oracle.epochs.length === 0) return;
            const timers = new ManualTimers(model.nowMs);
            for (const question of questions) {
              const rql = textOf(question);
              const { from, to } = rangeIn(one);
              const logs = history.logNames();
              if (!logs.includes(question.log)) continue;
              // Half of them by the engine, where it covers them, in slices of a few events.
              const sliceEvents = one.draw.chance(0.5) ? 1 + one.draw.below(40) : undefined;
              const options = { history, timers, now: to, sliceEvents };
              const lines = await askHistory({ rql, from, to }, options);
              const naive = await naiveAnswer(one, rql, { from, to });
              const isEnded = question.ending !== "" && question.ending !== "COUNT";
              expect([rql, comparable(lines, isEnded)]).toEqual([rql, comparable(naive, isEnded)]);
              rowCount += lines.filter(({ type }) => type === "row").length;
            }
          },
        ),
        { numRuns: 8 },
      );
    });
  }

  // Of all shapes together: the small one alone has none at one seed in many.
  it("has given rows to compare", () => {
    expect(rowCount).toBeGreaterThan(0);
  });
});
