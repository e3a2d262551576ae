import "../../support/seed.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BatchBuilder, type Hlc, KindCode, RetroError } from "../../../agent/kernel/index.ts";
import { type NumberRows, readBlockColumns } from "../../../collector/store/segment-columns.ts";
import { decodeSegmentHeader } from "../../../collector/store/segment-header.ts";
import { sealed, stored } from "../../support/segments.ts";

interface Change {
  readonly t: number;
  readonly key: string;
  readonly number: number;
}

/** What numbers are drawn from, so that blocks of every form of number come: wholes, decimals, doubles. */
const FORMS: readonly (readonly [form: string, number: (draw: number) => number])[] = [
  ["wholes", (draw) => draw % 1_000],
  ["climbing", (draw) => draw],
  ["wide", (draw) => draw * 2 ** 19],
  ["below zero", (draw) => -1 - draw],
  ["decimals", (draw) => (draw % 10_000) / 100],
  ["decimals and wholes", (draw) => (draw % 3 === 0 ? draw % 50 : (draw % 999) / 10)],
  ["doubles", (draw) => (draw + 0.5) * Math.PI],
  ["minus zero", () => -0],
];

/** Changes of one log, all of one form; more than a frame of them as a rule. */
const changes: fc.Arbitrary<readonly Change[]> = fc
  .record({
    form: fc.constantFrom(...FORMS),
    keyCount: fc.constantFrom(1, 1, 2, 5),
    steps: fc.array(fc.constantFrom(0, 1, 7, 4_096, 2 ** 30), {
      minLength: 1,
      maxLength: 900,
      size: "max",
    }),
    factor: fc.integer({ min: 1, max: 2 ** 30 }),
  })
  .map(({ form: [, number], keyCount, steps, factor }) => {
    let t = 10_000;
    return steps.map((step, i) => {
      t += step;
      const draw = (i * factor) % (2 ** 31 - 1);
      return { t, key: `k${(i * 7 + (factor % 3)) % keyCount}`, number: number(draw) };
    });
  });

interface Block {
  readonly bytes: Uint8Array;
  readonly announced: { readonly firstT: Hlc; readonly count: number; readonly lastT: Hlc };
}

function blockOf(told: readonly Change[]): Block {
  const builder = new BatchBuilder();
  for (const { t, key, number } of told) builder.change(t as Hlc, KindCode.set, "l", key, number);
  const closed = (told.at(-1) as Change).t as Hlc;
  const fields = { node: "n", service: "s", epoch: 1, firstSeq: 1, closed };
  const { segment, blocks } = sealed([stored(builder.build(fields))]);
  const { firstT, blocks: headers } = decodeSegmentHeader(segment.bytes);
  const { count, lastT } = headers[0] as (typeof headers)[0];
  return { bytes: blocks[0] as Uint8Array, announced: { firstT, count, lastT } };
}

/** Undefined: its numbers are of two forms, which is read otherwise. */
function opened({ bytes, announced }: Block): NumberRows | undefined {
  const block = readBlockColumns(bytes, "l", announced, () => true);
  return block?.areNumbers === true ? block : undefined;
}

/** Reads all frames, each behind `gap` places that are somebody else's. */
function readAll(block: NumberRows, gap: number): Change[] {
  const read: Change[] = [];
  const size = gap + 256;
  while (block.left > 0) {
    const t = new Float64Array(size).fill(-1);
    const number = new Float64Array(size).fill(-1);
    const ref = new Uint32Array(256);
    const left = block.left;
    const count = block.read({ t, number, ref }, gap);
    expect(count).toBe(Math.min(256, left));
    expect(block.left).toBe(left - count);
    expect([...t.slice(0, gap), ...number.slice(0, gap)].every((one) => one === -1)).toBe(true);
    for (let i = 0; i < count; i += 1) {
      const { key } = block.variables[ref[i] as number] as { key: string };
      read.push({ t: t[gap + i] as number, key, number: number[gap + i] as number });
    }
  }
  return read;
}

describe("a block of numbers, frame by frame", () => {
  it("gives every change as it was told, to the last bit", () => {
    let compared = 0;
    fc.assert(
      fc.property(changes, fc.nat(300), (told, gap) => {
        const block = opened(blockOf(told));
        if (block === undefined) return;
        expect(readAll(block, gap)).toEqual(told);
        compared += 1;
      }),
      { numRuns: 120 },
    );
    expect(compared).toBeGreaterThan(80);
  });

  it("that is cut short anywhere is refused before its first row is told", () => {
    fc.assert(
      fc.property(
        changes,
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (told, share) => {
          const { bytes, announced } = blockOf(told);
          const short = bytes.slice(0, Math.floor(bytes.length * share));
          expect(() => opened({ bytes: short, announced })).toThrow(RetroError);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("that was spoilt is refused, or has as many rows as announced", () => {
    fc.assert(
      fc.property(changes, fc.nat(), fc.integer({ min: 1, max: 255 }), (told, place, flip) => {
        const { bytes, announced } = blockOf(told);
        const spoilt = bytes.slice();
        const at = place % spoilt.length;
        spoilt[at] = (spoilt[at] as number) ^ flip;
        try {
          const block = readBlockColumns(spoilt, "l", announced, () => true);
          if (block?.areNumbers === true) {
            expect(readAll(block, 0)).toHaveLength(told.length);
          }
        } catch (error) {
          expect(error).toBeInstanceOf(RetroError);
        }
      }),
      { numRuns: 150 },
    );
  });
});
