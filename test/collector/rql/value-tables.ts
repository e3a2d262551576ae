/** Tables of what expressions are worth at one cut of one history. */
import { describe, expect, it } from "vitest";
import type { Json } from "../../../agent/kernel/index.ts";
import { ask, firstValue } from "./ask.ts";
import { at, type Happening } from "./told-cuts.ts";

/**
 * At 10 ms: `v` is 1, 2 and 2 on a, b and c; `hole` is 5 on a and lost on b; `s` is set-valued;
 * `o` holds objects and arrays; `n` is null on a; `mixed` has two kinds; `gone` was deleted.
 */
const HISTORY: readonly Happening[] = [
  ...Object.entries({ a: 1, b: 2, c: 2 }).map(([node, one]) => set(node, "v", one)),
  ...[set("a", "s", { $set: [1, 2] }), set("b", "s", { $set: [2, { f: 3 }] })],
  ...[
    set("a", "o", { f: 1, g: { h: 2 }, list: [7, 8] }),
    set("b", "o", { f: 4 }),
    set("c", "o", 9),
  ],
  set("a", "n", null),
  ...[set("a", "mixed", 1), set("b", "mixed", "x")],
  ...[set("a", "t", "x"), set("b", "t", "y")],
  ...[set("a", "ok", true), set("b", "ok", true)],
  ...[set("a", "e", 1e308), set("b", "e", 1e308)],
  ...[set("a", "hole", 5, "m"), set("b", "hole", 6, "m")],
  ...[set("a", "gone", 1), { t: at(1), node: "a", kind: "delete", key: "gone" } as const],
  { t: at(2), node: "b", kind: "lost", events: 1, logs: ["m"] },
];

function set(node: string, key: string, value: Json, log = "l"): Happening {
  return { t: at(0), node, kind: "set", log, key, value };
}

/** The answer to `SELECT text` at 10 ms. */
export function told(text: string): ReturnType<typeof ask> {
  const range = "ON TIME '2026-11-21T16:00:00.010Z'";
  return ask(`SELECT ${text} AS x FROM l, m ${range}`, HISTORY);
}
export const worthOf = (text: string): Json | undefined => firstValue(told(text));
/** An unknown, as it is told. */
export const U = (reason = "undefined"): Json => ({ $unknown: reason });

export type Row = readonly [text: string, expected: Json, warning?: string];

/** One test per row. */
export function table(title: string, rows: readonly Row[]): void {
  describe(title, () => {
    const cases = rows.map(([text, expected, warning]) => ({ text, expected, warning }));
    it.each(cases)("$text", ({ text, expected, warning }) => {
      const answer = told(text);
      expect(firstValue(answer)).toEqual(expected);
      expect(answer.warnings).toEqual(warning === undefined ? [] : [warning]);
    });
  });
}
