import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Hlc, parseHlc } from "../../agent/kernel/index.ts";
import type { ApiReader, Query } from "../../ui/src/api/client.ts";
import { type BisectStep, bisect } from "../../ui/src/model/bisect.ts";
import { marked, NO_MARKS } from "../../ui/src/model/bisector.ts";
import { timeJson, timelineOf } from "../support/naive-history.ts";
import type { Scenario } from "../support/ui-scenario.ts";

const signal = new AbortController().signal;

/** One node whose only events are changes, at these ticks. */
function changesAt(ticks: readonly number[]): Scenario {
  const nodes = [{ node: "n", service: "s", epoch: 1, closed: (2 ** 40) as Hlc }];
  const events = ticks
    .toSorted((a, b) => a - b)
    .map((t, i) => ({
      ...{ node: "n", service: "s", epoch: 1, seq: i + 1, t: t as Hlc, kind: "set" },
      fields: { log: "l", key: "k", value: i },
    }));
  return { events, nodes, unchecked: [] };
}

/**
 * `/api/timeline` as the collector gives it: buckets at multiples of their width, so that those at the
 * edges also count what lies outside the range.
 */
function clientOf(ticks: readonly number[], exactEvents: number): ApiReader {
  return {
    get: async <Answer>(path: string, query: Query) => {
      expect(path).toBe("/api/timeline");
      const time = (name: string) => parseHlc(String(query[name])) as number;
      const [from, to] = [time("from"), time("to")];
      let width = 1;
      while (Math.floor(to / width) - Math.floor(from / width) + 1 > Number(query["pixels"])) {
        width *= 2;
      }
      const start = Math.floor(from / width) * width;
      const end = Math.floor(to / width) * width + width - 1;
      const inside = ticks.filter((t) => t >= start && t <= end);
      if (inside.length <= exactEvents) {
        return timelineOf(changesAt(inside), start, end, Number(query["pixels"])) as Answer;
      }
      const counts = new Map<number, number>();
      for (const t of inside) {
        const index = Math.floor((t - start) / width);
        counts.set(index, (counts.get(index) ?? 0) + 1);
      }
      const buckets = [...counts].sort(([a], [b]) => a - b).map(([i, n]) => [i, n]);
      const [lane] = timelineOf(changesAt([]), start, end, 1).lanes;
      return {
        ...{ from: timeJson(start), to: timeJson(to), bucketTicks: width, exact: false },
        lanes: [{ ...lane, events: null, buckets }],
        messages: [],
      } as Answer;
    },
  } as ApiReader;
}

/** Answers as a person who knows that the state is bad from `turn` on; gives the number of answers. */
async function search(client: ApiReader, good: number, bad: number, turn: number) {
  let marks = marked(marked(NO_MARKS, "good", good as Hlc), "bad", bad as Hlc);
  for (let answers = 0; ; answers += 1) {
    const question = { good: marks.good as Hlc, bad: marks.bad as Hlc, node: null };
    const step: BisectStep = await bisect(client, question, signal);
    if (step.proposal === null) return { answers, turnAt: step.turnAt, turn: step.turn };
    expect(step.proposal).toBeGreaterThan(question.good);
    expect(step.proposal).toBeLessThan(question.bad);
    marks = marked(marks, step.proposal >= turn ? "bad" : "good", step.proposal);
  }
}

describe("bisecting", () => {
  it("ends at the change that made the state bad, wherever it lies and however they crowd", async () => {
    const crowd = fc.integer({ min: 0, max: 2 ** 34 }).chain((middle) =>
      fc.array(
        fc.integer({ min: 0, max: 900 }).map((by) => middle + by),
        { maxLength: 60 },
      ),
    );
    const changes = fc
      .tuple(fc.array(fc.integer({ min: 0, max: 2 ** 35 }), { maxLength: 30 }), crowd, crowd)
      .map((parts) => [...new Set(parts.flat())].sort((a, b) => a - b))
      .filter(({ length }) => length >= 3);
    const shares = fc.tuple(fc.nat(), fc.nat(), fc.nat(), fc.integer({ min: 1, max: 40 }));
    await fc.assert(
      fc.asyncProperty(changes, shares, async (ticks, [a, b, c, exactEvents]) => {
        const places = [a, b].map((n) => n % ticks.length).sort((x, y) => x - y);
        const [first, last] = places as [number, number];
        const turn = ticks[first + (c % (last - first + 1))] as number;
        const good = (ticks[first] as number) - 1;
        const bad = ticks[last] as number;
        const found = await search(clientOf(ticks, exactEvents), good, bad, turn);
        expect(found.turnAt).toBe(turn);
        // Where two thirds may be left each time; a few more where buckets at the edges count too much.
        const between = last - first + 1;
        expect(found.answers).toBeLessThanOrEqual(Math.log(between) / Math.log(1.5) + 8);
      }),
      { numRuns: 150 },
    );
  });

  it("takes about twenty answers for a million changes", async () => {
    const ticks = Array.from({ length: 1_000_000 }, (_, i) => i * 37 + ((i * i) % 31));
    const found = await search(clientOf(ticks, 1_500), -1, ticks.at(-1) as number, 17_000_041);
    const turn = ticks.find((t) => t >= 17_000_041);
    expect(found.turnAt).toBe(turn);
    expect(found.answers).toBeGreaterThan(15);
    expect(found.answers).toBeLessThanOrEqual(22);
  });

  it("says so where nothing changed between good and bad", async () => {
    const step = await bisect(
      clientOf([5, 900], 10),
      { good: 10 as Hlc, bad: 800 as Hlc, node: null },
      signal,
    );
    expect(step).toEqual({ remaining: 0, proposal: null, turnAt: null, turn: [] });
  });

  it("begins anew with a mark on the wrong side of the other", () => {
    const both = { good: 10 as Hlc, bad: 20 as Hlc };
    expect(marked(both, "bad", 15 as Hlc)).toEqual({ good: 10, bad: 15 });
    expect(marked(both, "bad", 10 as Hlc)).toEqual({ good: null, bad: 10 });
    expect(marked(both, "good", 25 as Hlc)).toEqual({ good: 25, bad: null });
  });
});
