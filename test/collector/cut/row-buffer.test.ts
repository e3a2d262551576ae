import "../../support/seed.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Value, ValueSet } from "../../../agent/kernel/index.ts";
import { RowBuffer, RowPlace } from "../../../collector/cut/row-buffer.ts";

interface Row {
  readonly t: number;
  readonly column: number;
  /** Undefined: the variable was deleted. */
  readonly value: Value | undefined;
}

type Step =
  | { readonly is: "add"; readonly rows: readonly Row[]; readonly areReserved: boolean }
  | { readonly is: "take"; readonly share: number }
  | { readonly is: "clear" };

const number = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.double({ noNaN: true }));
const other = fc.constantFrom<Value | undefined>(
  ...[undefined, "", "text", true, null, ValueSet.empty],
);

/** Rows with steps of time between them, mostly numbers; some many, so that room runs out. */
const rows: fc.Arbitrary<readonly (Row & { readonly step: number })[]> = fc
  .tuple(fc.constantFrom(0, 0, 1, 9), fc.constantFrom(3, 40, 700))
  .chain(([othersInTen, maxLength]) =>
    fc.array(
      fc.record({
        step: fc.constantFrom(0, 0, 1, 5, 1_000),
        t: fc.constant(0),
        column: fc.nat(2),
        value: fc.nat(9).chain((draw) => (draw < othersInTen ? other : number)),
      }),
      { maxLength, size: "max" },
    ),
  );

const history: fc.Arbitrary<readonly Step[]> = fc
  .array(
    fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({ is: fc.constant("add" as const), rows, areReserved: fc.boolean() }),
      },
      {
        weight: 3,
        arbitrary: fc.record({
          is: fc.constant("take" as const),
          share: fc.constantFrom(0, 0.2, 0.9, 1),
        }),
      },
      { weight: 1, arbitrary: fc.constant({ is: "clear" as const }) },
    ),
    { maxLength: 14 },
  )
  .map((steps) => {
    let t = 1_000;
    return steps.map((step): Step => {
      if (step.is !== "add") return step;
      const timed = step.rows.map((row) => {
        t += row.step;
        return { ...row, t };
      });
      return { ...step, rows: timed };
    });
  });

/** What lies at hand, row by row. */
function left(buffer: RowBuffer): Row[] {
  return Array.from({ length: buffer.count - buffer.at }, (_, i) => {
    const row = buffer.at + i;
    return {
      t: buffer.t[row] as number,
      column: buffer.columnAt(row),
      value: buffer.valueAt(row),
    };
  });
}

function add(buffer: RowBuffer, { t, column, value }: Row): void {
  if (typeof value === "number") buffer.addNumber(t, column, value);
  else buffer.add(t, column, value);
}

describe("rows at hand", () => {
  it("are those that were added and not yet taken, however room is made for more", () => {
    fc.assert(
      fc.property(history, fc.boolean(), (steps, isOne) => {
        const buffer = new RowBuffer(isOne ? 1 : -1);
        let model: Row[] = [];
        for (const step of steps) {
          const { moves, at } = buffer;
          const first = model[0];
          if (step.is === "add") {
            const given = step.rows.map(({ t, column, value }) => {
              return { t, column: isOne ? 1 : column, value };
            });
            if (step.areReserved) buffer.reserve(given.length);
            for (const row of given) {
              if (!step.areReserved) buffer.reserve(1);
              add(buffer, row);
            }
            model.push(...given);
          } else if (step.is === "take") {
            const taken = Math.floor(model.length * step.share);
            buffer.at += taken;
            model = model.slice(taken);
          } else {
            buffer.clear();
            model = [];
          }
          expect(left(buffer)).toEqual(model);
          // Places mean what they meant, unless it says that they do not.
          if (first !== undefined && buffer.moves === moves) {
            expect(buffer.t[at]).toBe(first.t);
            expect(buffer.valueAt(at)).toEqual(first.value);
          }
          const others = model.filter(({ value }) => typeof value !== "number");
          expect(buffer.lastOther >= buffer.at).toBe(others.length > 0);
          expectPlaces(buffer, model);
          expectEnds(buffer, model);
        }
      }),
      { numRuns: 150 },
    );
  });

  it("take the room that is left by rows gone through, and no more", () => {
    const buffer = new RowBuffer(0);
    for (let i = 0; i < 100; i += 1) {
      buffer.reserve(256);
      for (let k = 0; k < 256; k += 1) buffer.addNumber(i * 256 + k, 0, k);
      buffer.at = buffer.count - 3;
    }
    expect(buffer.t.length).toBeLessThanOrEqual(1_024);
    buffer.add(30_000, 0, "a".repeat(1_000));
    buffer.at = buffer.count;
    buffer.reserve(buffer.t.length);
    expect(buffer.values).toEqual([]);
  });
});

/** `place` tells what is no number, and only that. */
function expectPlaces(buffer: RowBuffer, model: readonly Row[]): void {
  for (const [i, { value }] of model.entries()) {
    const row = buffer.at + i;
    if (row > buffer.lastOther) break;
    const place = buffer.place[row] as number;
    if (typeof value === "number") expect(place).toBe(RowPlace.number);
    else if (value === undefined) expect(place).toBe(RowPlace.absent);
    else expect(buffer.values[place]).toBe(value);
    if (typeof value !== "number") expect(buffer.number[row]).toBeNaN();
  }
}

function expectEnds(buffer: RowBuffer, model: readonly Row[]): void {
  const last = model.at(-1)?.t ?? 0;
  const some = model.filter((_, i) => i % 37 === 0).flatMap(({ t }) => [t - 1, t, t + 1]);
  for (const end of [0, ...some, last - 1, last, last + 1]) {
    const upTo = model.filter(({ t }) => t <= end).length;
    expect(buffer.firstAfter(end)).toBe(buffer.at + upTo);
  }
}
