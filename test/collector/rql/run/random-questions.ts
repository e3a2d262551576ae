/** Random queries over random histories (support/history-case.ts): conditions of every kind, every clause. */
import fc from "fast-check";
import type { Hlc } from "../../../../agent/kernel/index.ts";
import type { HistoryCase } from "../../../support/history-case.ts";
import { ticksOf } from "./naive-cuts.ts";

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

export interface Asked {
  readonly log: string;
  readonly first: string;
  readonly second: string | undefined;
  readonly shape: string;
  readonly nodes: string;
  readonly grouped: boolean;
  readonly ending: string;
}

export const asked: fc.Arbitrary<Asked> = fc.record({
  log: fc.constantFrom("stock", "ring", "odd"),
  first: fc.constantFrom(...CONDITIONS),
  second: fc.option(fc.constantFrom(...CONDITIONS), { nil: undefined }),
  shape: fc.constantFrom(...SHAPED, "EACH CHANGE", "no condition"),
  nodes: fc.constantFrom("", "", "AT NODES n0", "AT NODES n1, n3"),
  grouped: fc.boolean(),
  ending: fc.constantFrom(...ENDINGS),
});

export function textOf({ log, first, second, shape, nodes, grouped, ending }: Asked): string {
  const condition = second === undefined ? first : `(${first}) AND NOT (${second})`;
  const isCut = shape === "EACH CHANGE";
  const when = shape === "no condition" ? "" : `WHEN ${condition} ${isCut ? "" : shape}`;
  const group = grouped ? "GROUP BY SERVICE" : "";
  const columns = "a, b, Previous(a) AS p, Age(b) AS age, `__proto__` AS odd";
  return [`SELECT ${columns} FROM ${log}`, when, nodes, group, isCut ? shape : "", ending].join(
    " ",
  );
}

/** A range of a random history: both ends are ticks at which something happens. */
export function rangeIn(one: HistoryCase): { readonly from: Hlc; readonly to: Hlc } {
  const first = Math.min(...one.oracle.epochs.map(({ record }) => record.joined));
  const times = ticksOf(one).filter((t) => t >= first);
  const [from, to] = [one.draw.one(times), one.draw.one(times)].sort((a, b) => a - b);
  return { from: from as Hlc, to: to as Hlc };
}
