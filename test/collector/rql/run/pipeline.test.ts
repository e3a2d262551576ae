/**
 * From the store to the rows: every query over random histories (ties, holes, losses, restarts, deletes,
 * sets, nulls, mixed kinds) against the interpreter over cuts that an oracle rebuilt one by one.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Hlc, Json } from "../../../../agent/kernel/index.ts";
import { checkText } from "../../../../collector/rql/check/check.ts";
import { interpret } from "../../../../collector/rql/interpret/interpret.ts";
import type { ResultLine } from "../../../../collector/rql/interpret/lines.ts";
import { type HistoryCase, openCase, SHAPES } from "../../../support/history-case.ts";
import { ManualTimers } from "../../../support/manual-timers.ts";
import { askHistory } from "./ask-history.ts";
import { naiveCuts, ticksOf } from "./naive-cuts.ts";

const CONDITIONS = [
  ...["Max(a) > 0", "Count(a) >= 2", "EXISTS x IN a : (x > 100)", 'a["n0"] = TRUE'],
  ...["Cardinality(b) > 1", "NOT (FORALL x IN a : (x IS NULL))", "a = b", "1 IN Flatten(b)"],
  ...["Changed(a)", 'Changed(b["n1"])', "Became(Count(a) > 1)", 'a["n0"] IS UNKNOWN'],
  ...["Max(Age(a)) > 300us", 'Age(b["n0"]) <= 200us', "EXISTS x IN Age(a) : (x >= 1ms)"],
  ...["EXISTS x IN a : (x != Previous(a)[NodeOf(x)])", 'Previous(a)["n0"] = Previous(b)["n0"]'],
  ...['Status("n0") = "live"', 'Service("n1") = "kv"', "Cardinality(Nodes()) > 1"],
];
const SHAPED = [
  ...["", "FOR AT LEAST 100us", 'THEN a["n0"] > 0 WITHIN 200us'],
  ...["NOT FOLLOWED BY Changed(b) WITHIN 300us"],
];
const ENDINGS = ["", "COUNT", "FIRST 2", "LAST 2", "LIMIT 3"];

interface Asked {
  readonly log: string;
  readonly first: string;
  readonly second: string | undefined;
  readonly shape: string;
  readonly nodes: string;
  readonly grouped: boolean;
  readonly ending: string;
}

const asked: fc.Arbitrary<Asked> = fc.record({
  log: fc.constantFrom("stock", "ring", "odd"),
  first: fc.constantFrom(...CONDITIONS),
  second: fc.option(fc.constantFrom(...CONDITIONS), { nil: undefined }),
  shape: fc.constantFrom(...SHAPED, "EACH CHANGE", "no condition"),
  nodes: fc.constantFrom("", "", "AT NODES n0", "AT NODES n1, n3"),
  grouped: fc.boolean(),
  ending: fc.constantFrom(...ENDINGS),
});

function textOf({ log, first, second, shape, nodes, grouped, ending }: Asked): string {
  const condition = second === undefined ? first : `(${first}) AND NOT (${second})`;
  const isCut = shape === "EACH CHANGE";
  const when = shape === "no condition" ? "" : `WHEN ${condition} ${isCut ? "" : shape}`;
  const group = grouped ? "GROUP BY SERVICE" : "";
  const columns = "a, b, Previous(a) AS p, Age(b) AS age, `__proto__` AS odd";
  return [`SELECT ${columns} FROM ${log}`, when, nodes, group, isCut ? shape : "", ending].join(
    " ",
  );
}

function rangeIn(one: HistoryCase): { readonly from: Hlc; readonly to: Hlc } {
  const first = Math.min(...one.oracle.epochs.map(({ record }) => record.joined));
  const times = ticksOf(one).filter((t) => t >= first);
  const [from, to] = [one.draw.one(times), one.draw.one(times)].sort((a, b) => a - b);
  return { from: from as Hlc, to: to as Hlc };
}

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
  for (const shape of SHAPES) {
    it(`gives the rows of cuts rebuilt one by one: ${JSON.stringify(shape)}`, async () => {
      let rowCount = 0;
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
              const known = await history.variables({ logs, from, to });
              const schema = {
                logs: new Map([...known].map(([log, keys]) => [log, [...keys]] as const)),
                nodes: oracle.nodeNames(),
                services: [],
              };
              const [query] = checkText(rql, { schema, now: to });
              if (query === undefined) throw new Error("no query");
              const nodes = query.nodes === undefined ? {} : { nodes: query.nodes };
              const naive = [...interpret(query, naiveCuts(one, { from, to, ...nodes }))];
              const isEnded = question.ending !== "" && question.ending !== "COUNT";
              expect([rql, comparable(lines, isEnded)]).toEqual([rql, comparable(naive, isEnded)]);
              rowCount += lines.filter(({ type }) => type === "row").length;
            }
          },
        ),
        { numRuns: 8 },
      );
      expect(rowCount).toBeGreaterThan(0);
    });
  }
});
