import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Hlc, parseHlc } from "../../agent/kernel/index.ts";
import type { ApiReader } from "../../ui/src/api/client.ts";
import { findHistory } from "../../ui/src/model/variable-history.ts";
import { historyOf } from "../support/naive-history.ts";
import { makeScenario, SCENARIO_MS, SCENARIO_START } from "../support/ui-scenario.ts";

const scenario = makeScenario("none", 200);
const SIDE = 40;

/** Answers `/api/history` from the scenario, with pages as small as `mostRows`. */
function clientOf(mostRows: number): ApiReader {
  return {
    get: async <Answer>(path: string, query: Record<string, unknown>) => {
      expect(path).toBe("/api/history");
      const time = (name: string) => parseHlc(String(query[name] ?? ""));
      const { node, log, key, limit } = query as Record<string, string>;
      const name = { node: String(node), log: String(log), key: String(key) };
      const from = time("cursor") ?? time("from") ?? 0;
      const rows = Math.min(mostRows, Number(limit));
      return historyOf(scenario, name, from, time("to") ?? Number.MAX_SAFE_INTEGER, rows) as Answer;
    },
  };
}

describe("the history of a variable around the cut", () => {
  it("lists its nearest writes on both sides, each once and at its own time", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom("stock\nversion", "stock\nplums", "cluster\nleader", "stock\nnothing"),
        fc.integer({ min: -10, max: SCENARIO_MS + 10 }),
        fc.integer({ min: 30, max: 1_000 }),
        async (variable, ms, mostRows) => {
          const [log = "", key = ""] = variable.split("\n");
          const around = (SCENARIO_START + ms * 4096) as Hlc;
          const question = { node: "store-1", log, key, around, first: SCENARIO_START };
          const found = await findHistory(
            clientOf(mostRows),
            question,
            new AbortController().signal,
          );
          const all = scenario.events.filter(
            (e) => e.node === "store-1" && e.fields["log"] === log && e.fields["key"] === key,
          );
          const earlier = all.filter(({ t }) => t <= around).slice(-SIDE);
          const later = all.filter(({ t }) => t > around);
          const seqs = found.values.map(({ value }) => value.seq);
          expect(seqs.slice(0, earlier.length)).toEqual(earlier.map(({ seq }) => seq));
          // Pages may be shorter than asked for: then fewer of the later ones are listed.
          const listed = seqs.slice(earlier.length);
          expect(listed).toEqual(later.slice(0, listed.length).map(({ seq }) => seq));
          expect(listed.length).toBeGreaterThanOrEqual(Math.min(later.length, SIDE, mostRows - 1));
          for (const { value } of found.values) {
            expect(parseHlc(value.at.hlc)).toBe(all.find(({ seq }) => seq === value.seq)?.t);
          }
          const current = found.values.findLastIndex(({ isCurrent }) => isCurrent);
          expect(current).toBe(earlier.length - 1);
        },
      ),
      { numRuns: 150 },
    );
  });
});
