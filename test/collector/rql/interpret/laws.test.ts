/** What must hold for any history and any query. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Json } from "../../../../agent/kernel/index.ts";
import { checkText } from "../../../../collector/rql/check/check.ts";
import { interpret } from "../../../../collector/rql/interpret/interpret.ts";
import type { RowLine } from "../../../../collector/rql/interpret/lines.ts";
import { ask, moments, spans } from "../ask.ts";
import { anyCondition, anyHistory, anyLoss, anyMs, NODES } from "../random-histories.ts";
import { at, cutsOf, type Happening, schemaOf } from "../told-cuts.ts";

const RUNS = { numRuns: 100 };

/** Where the condition is true, false and unknown: by [from, to) of the three. */
function truths(text: string, happenings: readonly Happening[]): string {
  const answer = ask(`SELECT (${text}) AS t, v, w FROM l EACH CHANGE`, happenings);
  return answer.rows
    .map((row, index) => {
      const truth = row.values["t"];
      const letter = truth === true ? "T" : truth === false ? "F" : "U";
      return `${moments(answer)[index]}${letter}`;
    })
    .join(" ");
}

describe("for any history and condition", () => {
  it("intervals are in order, apart, and hold the cuts of EACH CHANGE and no others", () => {
    fc.assert(
      fc.property(anyHistory, anyCondition, (happenings, text) => {
        const query = `SELECT v, w FROM l WHEN ${text}`;
        const found = spans(ask(query, happenings));
        found.forEach(([from, to], index) => {
          expect(from).toBeLessThanOrEqual(to);
          const next = found[index + 1];
          if (next !== undefined) expect(to).toBeLessThan(next[0]);
        });
        const cuts = moments(ask(`${query} EACH CHANGE`, happenings));
        const isOpenAt = (cut: number): boolean =>
          found.some(([from, to]) => from <= cut && (cut < to || to === 1_000));
        expect(cuts.every(isOpenAt)).toBe(true);
        expect(found.every(([from]) => cuts.includes(from))).toBe(true);
      }),
      RUNS,
    );
  });

  it("totals add up: true, false and unknown fill the range", () => {
    fc.assert(
      fc.property(anyHistory, anyCondition, (happenings, text) => {
        const { end } = ask(`SELECT v FROM l WHEN ${text} COUNT`, happenings);
        const { end: not } = ask(`SELECT v FROM l WHEN NOT (${text}) COUNT`, happenings);
        expect(end.matchedMs + not.matchedMs + end.unknownMs).toBeCloseTo(1_000, 2);
        expect(not.unknownMs).toBe(end.unknownMs);
      }),
      RUNS,
    );
  });

  it("De Morgan holds under three values", () => {
    fc.assert(
      fc.property(anyHistory, anyCondition, anyCondition, (happenings, a, b) => {
        const both = truths(`NOT ((${a}) AND (${b}))`, happenings);
        expect(truths(`NOT (${a}) OR NOT (${b})`, happenings)).toBe(both);
      }),
      RUNS,
    );
  });

  it("a lost range never turns true into false or back: it only makes unknown", () => {
    fc.assert(
      fc.property(anyHistory, anyLoss, anyCondition, (happenings, loss, text) => {
        // Where it is put its variables are lost until they are told again: compare cut by cut.
        const before = truthAt(text, happenings);
        const after = truthAt(text, [...happenings, loss]);
        for (const [t, truth] of after) {
          const was = before.get(t);
          if (truth === "U" || was === undefined) continue;
          expect(`${t}${truth}`).toBe(`${t}${was}`);
        }
      }),
      RUNS,
    );
  });

  it("states in which nothing changed make no difference", () => {
    fc.assert(
      fc.property(anyHistory, anyCondition, fc.array(anyMs), (happenings, text, more) => {
        const schema = schemaOf(happenings);
        const idle = more.filter((one) => one > 0).map((one) => at(one));
        for (const query of checkText(`SELECT v FROM l WHEN ${text}`, { schema, now: at(0) })) {
          const cuts = cutsOf(happenings, { from: at(0), to: at(1_000) });
          const noise: Happening[] = idle.map((t) => {
            return { t, node: "a", kind: "set", key: "noise", value: t };
          });
          const noisy = cutsOf([...happenings, ...noise], { from: at(0), to: at(1_000) });
          // Seqs of lost ranges shift with every event of their node.
          const told = (lines: Iterable<object>): string =>
            JSON.stringify([...lines]).replaceAll(/"seq":\[\d+,\d+\]/g, "");
          expect(told(interpret(query, noisy))).toBe(told(interpret(query, cuts)));
        }
      }),
      RUNS,
    );
  });

  it("a range that is cut in two joins to the whole", () => {
    fc.assert(
      fc.property(
        anyHistory,
        anyCondition,
        fc.integer({ min: 1, max: 19 }),
        (happenings, text, place) => {
          const over = (from: number, to: number): (readonly [number, number])[] => {
            const zero = 1_795_276_800_000;
            return [
              ...spans(
                ask(
                  `SELECT v FROM l WHEN ${text} ON TIME ${zero + from} TO ${zero + to}`,
                  happenings,
                ),
              ),
            ];
          };
          const middle = place * 50 + 25; // no event lies there
          const [left, right] = [over(0, middle), over(middle, 1_000)];
          const last = left.at(-1);
          const first = right[0];
          const meets =
            last !== undefined && first !== undefined && last[1] === middle && first[0] === middle;
          const joined = meets
            ? [...left.slice(0, -1), [last[0], first[1]], ...right.slice(1)]
            : [...left, ...right];
          expect(joined).toEqual(over(0, 1_000));
        },
      ),
      RUNS,
    );
  });

  it("FIRST n are the first of all rows, LAST n the last", () => {
    fc.assert(
      fc.property(
        anyHistory,
        anyCondition,
        fc.integer({ min: 1, max: 4 }),
        (happenings, text, count) => {
          const query = `SELECT v, w FROM l WHEN ${text}`;
          const all = ask(query, happenings).rows;
          expect(ask(`${query} FIRST ${count}`, happenings).rows).toEqual(all.slice(0, count));
          const last = all.slice(-count).map((row, index) => ({ ...row, n: index + 1 }));
          expect(ask(`${query} LAST ${count}`, happenings).rows).toEqual(last.toReversed());
        },
      ),
      RUNS,
    );
  });

  it("the truth at each cut is that of an evaluation by hand", () => {
    fc.assert(
      fc.property(anyHistory, fc.nat(4), (happenings, bound) => {
        const text = `Max(v) > ${bound}`;
        for (const [t, letter] of truthAt(text, happenings)) {
          expect(letter).toBe(maxAbove(happenings, t, bound));
        }
      }),
      RUNS,
    );
  });
});

function truthAt(text: string, happenings: readonly Happening[]): Map<number, string> {
  const told = truths(text, happenings)
    .split(" ")
    .filter((one) => one !== "");
  return new Map(told.map((one) => [Number(one.slice(0, -1)), one.slice(-1)]));
}

/** `Max(v) > bound` at a time, from the happenings alone. */
function maxAbove(happenings: readonly Happening[], t: number, bound: number): string {
  const values: Json[] = [];
  for (const one of NODES) {
    let held: Json | "lost" | undefined;
    let isMember = true;
    const mine = happenings
      .filter((h) => h.node === one && h.t <= at(t))
      .toSorted((a, b) => a.t - b.t);
    for (const h of mine) {
      if (h.kind === "set" && h.key === "v") held = h.value;
      if (h.kind === "delete" && h.key === "v") held = undefined;
      if (h.kind === "lost") held = "lost";
      if (h.kind === "join" || h.kind === "leave") {
        held = undefined;
        isMember = h.kind === "join";
      }
    }
    if (!isMember) continue;
    if (held === "lost") return "U";
    if (held !== undefined) values.push(held);
  }
  if (values.length === 0) return "U";
  if (values.every((one) => typeof one === "number"))
    return Math.max(...values) > bound ? "T" : "F";
  // Strings have an order among themselves, and none beside a number.
  return "U";
}

it("what looks back sees the same from wherever a range begins", () => {
  fc.assert(
    fc.property(anyHistory, fc.integer({ min: 1, max: 19 }), (happenings, place) => {
      const columns = "Previous(v) AS p, Age(v) AS age, Previous(w) AS q, Max(v) AS m, v, w";
      const middle = 1_795_276_800_000 + place * 50 + 25; // no event lies there
      const end = 1_795_276_801_000;
      const over = (from: number): readonly RowLine[] =>
        ask(`SELECT ${columns} FROM l ON TIME ${from} TO ${end} EACH CHANGE`, happenings).rows;
      const later = over(middle)
        .slice(1)
        .map(({ values }) => values);
      const whole = over(1_795_276_800_000).map(({ values }) => values);
      expect(later).toEqual(later.length === 0 ? [] : whole.slice(-later.length));
    }),
    RUNS,
  );
});
