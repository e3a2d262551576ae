/**
 * LAST goes backwards: the rows of a search over everything, whatever ends of the range are looked at first; and
 * it does not look at everything.
 */
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { formatHlc, type Hlc } from "../../../../agent/kernel/index.ts";
import type { EndLine, ResultLine } from "../../../../collector/rql/interpret/lines.ts";
import { openCase, SHAPES } from "../../../support/history-case.ts";
import { ManualTimers } from "../../../support/manual-timers.ts";
import { atMs, join, set, type ToldHistory, tellHistory } from "../../../support/told-history.ts";
import { askHistory } from "./ask-history.ts";
import { LateThreads } from "./late-threads.ts";
import { naiveAnswer } from "./naive-cuts.ts";
import { asked, rangeIn, textOf } from "./random-questions.ts";

// A bound for hangs, not a measure.
vi.setConfig({ testTimeout: 240_000 });

/** As they are sent. */
function rowsOf(lines: readonly ResultLine[]): unknown[] {
  return (JSON.parse(JSON.stringify(lines)) as readonly ResultLine[])
    .filter((line) => line.type === "row")
    .map(({ incomplete, ...row }) => {
      return { ...row, incomplete: [...new Set(incomplete.map((one) => one.node))].sort() };
    });
}

function endOf(lines: readonly ResultLine[]): EndLine {
  const end = lines.at(-1);
  if (end?.type !== "end") throw new Error("no end");
  return end;
}

describe("LAST", () => {
  it("tells the rows that a search of the whole range would, wherever its passes begin", async () => {
    let rowCount = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 2 ** 30 }),
        fc.constantFrom(...SHAPES),
        fc.array(asked, { minLength: 4, maxLength: 4 }),
        fc.integer({ min: 1, max: 2 }),
        fc.integer({ min: 1, max: 6 }),
        async (seed, shape, questions, count, lastEvents) => {
          const one = await openCase({ seed, ...shape });
          const { history, oracle, model } = one;
          if (oracle.epochs.length === 0) return;
          for (const question of questions) {
            if (!history.logNames().includes(question.log)) continue;
            const rql = textOf({ ...question, ending: `LAST ${count}` });
            const [some, more] = [rangeIn(one), rangeIn(one)];
            const from = Math.min(some.from, more.from) as Hlc;
            const to = Math.max(some.to, more.to) as Hlc;
            const timers = new ManualTimers(model.nowMs);
            const sliceEvents = one.draw.chance(0.5) ? 1 + one.draw.below(40) : undefined;
            const options = { history, timers, now: to, sliceEvents, lastEvents };
            const lines = await askHistory({ rql, from, to }, options);
            const naive = await naiveAnswer(one, rql, { from, to });
            expect([rql, rowsOf(lines)]).toEqual([rql, rowsOf(naive)]);
            expect(lines[0]).toEqual(naive[0]);
            expect(lines.filter(({ type }) => type === "start")).toHaveLength(1);
            rowCount += rowsOf(lines).length;
          }
        },
      ),
      { numRuns: 8 },
    );
    expect(rowCount).toBeGreaterThan(0);
  });

  /** `v` of n1 counts through 0..9, a change a millisecond; it is 100 once, early. */
  async function longHistory(): Promise<ToldHistory> {
    const told = tellHistory({ limits: { segmentEvents: 256, roundChanges: 100 } });
    await told.tell("n1", 1, [join(atMs(0))]);
    for (let i = 0; i < 100; i += 1) {
      const rows = Array.from({ length: 100 }, (_, j) => {
        const ms = 1 + i * 100 + j;
        return set(atMs(ms), "l", "v", ms === 50 ? 100 : ms % 10);
      });
      await told.tell("n1", 2 + i * 100, rows);
    }
    await told.history.idle();
    return told;
  }

  it.each([undefined, 64])(
    "looks at the end alone if that is enough (slices of %s events)",
    async (sliceEvents) => {
      const { history, timers } = await longHistory();
      const read: (readonly [number, number])[] = [];
      const seen: typeof history.feed = (options) => {
        const feed = history.feed(options);
        const next: typeof feed.next = (signal) => {
          read.push([options.from, options.to]);
          return feed.next(signal);
        };
        return new Proxy(feed, {
          get: (target, name) => {
            if (name === "next") return next;
            const is: unknown = Reflect.get(target, name, target);
            return typeof is === "function" ? is.bind(target) : is;
          },
        });
      };
      const columns: typeof history.columns = (options) => {
        read.push([options.from, options.to]);
        return history.columns(options);
      };
      const over = { history: { ...history, feed: seen, columns }, timers, now: atMs(10_000) };
      const options = { ...over, sliceEvents, lastEvents: 200 };
      const range = { from: atMs(0), to: atMs(10_000) };
      const rql = "SELECT v FROM l WHEN Max(v) = 7 LAST 3";
      const lines = await askHistory({ rql, ...range }, options);
      const rows = lines.filter((line) => line.type === "row");
      expect(rows.map((row) => [row.n, row.values["v"]])).toEqual([
        [3, { n1: 7 }],
        [2, { n1: 7 }],
        [1, { n1: 7 }],
      ]);
      expect("from" in (rows[0] ?? {}) && rows.map((row) => "from" in row && row.from.hlc)).toEqual(
        [9_997, 9_987, 9_977].map((ms) => hlcText(ms)),
      );
      const end = endOf(lines);
      expect(end).toMatchObject({ status: "done", rows: 3, matches: 3, matchedMs: 3 });
      expect(end.cuts).toBeLessThan(450);
      expect(Math.min(...read.map(([from]) => from))).toBeGreaterThan(atMs(9_500));
      expect(lines[0]).toMatchObject({ type: "start", from: { hlc: hlcText(0) } });
      expect(end.searchedTo.hlc > hlcText(9_500)).toBe(true);
      // Once, early: everything is looked at, and that is all there is.
      const rare = await askHistory(
        { rql: "SELECT v FROM l WHEN Max(v) > 50 LAST 2", ...range },
        options,
      );
      expect(rare.filter(({ type }) => type === "row")).toHaveLength(1);
      expect(endOf(rare)).toMatchObject({
        cuts: 10_001,
        matches: 1,
        searchedTo: { hlc: hlcText(0) },
      });
    },
  );

  it.each([
    ['SELECT Became(v["zz"] = 0) AS edge FROM l LAST', undefined],
    ['SELECT Became(v["zz"] = 0) AS edge FROM l LAST', 64],
    ['SELECT v FROM l WHEN Became(v["zz"] = 0) IS UNKNOWN LAST', undefined],
    ['SELECT v FROM l WHEN Became(v["zz"] = 0) IS UNKNOWN LAST', 64],
  ])(
    "begins no row where a pass does, though Became is false there that is unknown before and after: %s (%s)",
    async (rql, sliceEvents) => {
      const { history, timers } = await longHistory();
      const options = { history, timers, now: atMs(10_000), sliceEvents, lastEvents: 100 };
      const lines = await askHistory({ rql, from: atMs(0), to: atMs(1_000) }, options);
      const rows = lines.filter((line) => line.type === "row");
      // Unknown since the second cut of the range, to its end.
      expect(rows.map((row) => "from" in row && row.from.hlc)).toEqual([hlcText(1)]);
      expect(endOf(lines).cuts).toBeGreaterThan(1_000);
    },
  );

  it("tells how far back it has come while no row is known, and one start", async () => {
    const { history } = await longHistory();
    const timers = new ManualTimers(0);
    const threads = new LateThreads();
    const told: ResultLine[] = [];
    const onText = (text: string): void => {
      for (const line of text.trimEnd().split("\n")) told.push(JSON.parse(line) as ResultLine);
    };
    const rql = "SELECT v FROM l WHEN Max(v) > 50 LAST";
    let isAnswered = false;
    const answered = askHistory(
      { rql, from: atMs(0), to: atMs(2_000) },
      { history, timers, now: atMs(10_000), lastEvents: 50, threads, onText },
    ).then(() => {
      isAnswered = true;
    });
    let passes = 0;
    for (;;) {
      const isNext = (): boolean => isAnswered || threads.waitingCount === 1;
      await expect.poll(isNext, { timeout: 60_000 }).toBe(true);
      if (isAnswered) break;
      timers.advanceMs(10_000);
      expect(told.at(-1)?.type).toBe(passes === 0 ? undefined : "progress");
      threads.letOne();
      passes += 1;
    }
    await answered;
    expect(passes).toBeGreaterThan(2);
    const kinds = told.map(({ type }) => type).filter((type, i, all) => type !== all[i - 1]);
    expect(kinds).toEqual(["start", "progress", "row", "end"]);
    const times = told.flatMap((line) =>
      line.type === "progress" ? [[line.searchedTo.hlc, line.fraction]] : [],
    );
    expect(times).toEqual(times.toSorted().toReversed());
  });

  it("does not go backwards where a GLOBAL is carried along", async () => {
    const { history, timers } = await longHistory();
    const rql =
      "SELECT n FROM l COMPUTE GLOBAL n := 0 AND n := n + 1 WHEN Max(v) = 7 EACH CHANGE LAST";
    const options = { history, timers, now: atMs(10_000), lastEvents: 100 };
    const lines = await askHistory({ rql, from: atMs(0), to: atMs(1_000) }, options);
    expect(lines.find(({ type }) => type === "row")).toMatchObject({ values: { n: 998 } });
  });
});

function hlcText(ms: number): string {
  return formatHlc(atMs(ms));
}
