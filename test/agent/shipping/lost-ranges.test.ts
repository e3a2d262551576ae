import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  BatchBuilder,
  DROP_REASONS,
  type DropReason,
  decodeHeader,
  encodeBatch,
  type Hlc,
  type LostRange,
} from "../../../agent/kernel/index.ts";
import { LostRanges, MAX_LOST_RANGES } from "../../../agent/shipping/lost-ranges.ts";

function range(firstSeq: number, lastSeq: number, reason: DropReason = "overflow"): LostRange {
  const [firstT, lastT] = [firstSeq * 10, lastSeq * 10] as [Hlc, Hlc];
  return { firstSeq, lastSeq, firstT, lastT, logs: ["l"], messages: false, reason };
}

function takeAll(...added: readonly LostRange[]): readonly LostRange[] {
  const ranges = new LostRanges();
  for (const one of added) ranges.add(one);
  return ranges.take();
}

const seqsOf = ({ firstSeq, lastSeq }: LostRange): number[] =>
  Array.from({ length: lastSeq - firstSeq + 1 }, (_, i) => firstSeq + i);

/** A batch that declares them. */
function declared(dropped: readonly LostRange[]): readonly LostRange[] {
  const head = { node: "n", epoch: 1, service: "s", firstSeq: 1_000, closed: 1 as Hlc };
  const batch = new BatchBuilder().build({ ...head, dropped, status: null, imported: false });
  return decodeHeader(encodeBatch(batch)).dropped;
}

const anyRange: fc.Arbitrary<LostRange> = fc
  .record({
    firstSeq: fc.integer({ min: 1, max: 60 }),
    length: fc.integer({ min: 1, max: 20 }),
    logs: fc.option(fc.uniqueArray(fc.constantFrom("a", "b", "c"), { minLength: 1 })),
    messages: fc.boolean(),
    reason: fc.constantFrom(...DROP_REASONS),
  })
  .map(({ firstSeq, length, logs, messages, reason }) => ({
    ...range(firstSeq, firstSeq + length - 1, reason),
    ...{ logs, messages },
  }));

describe("lost ranges", () => {
  it("can be declared when one lies inside another", () => {
    const taken = takeAll(range(1, 12, "overflow"), range(5, 6, "refused"));
    expect(taken).toEqual([range(1, 12, "overflow")]);
    expect(declared(taken)).toEqual(taken);
  });

  it("say the reason that was given first where two overlap", () => {
    const taken = takeAll(range(5, 8, "refused"), range(1, 12, "overflow"));
    expect(taken.map((one) => [one.firstSeq, one.lastSeq, one.reason])).toEqual([
      [1, 4, "overflow"],
      [5, 8, "refused"],
      [9, 12, "overflow"],
    ]);
  });

  it("are disjoint and in order for any input, with each seq once and all that was said of it", () => {
    fc.assert(
      fc.property(fc.array(anyRange, { maxLength: 30 }), (added) => {
        const taken = takeAll(...added);
        expect(declared(taken)).toEqual(taken); // the codec refuses what overlaps or is out of order
        const seqs = taken.flatMap(seqsOf);
        const naive = new Set(added.flatMap(seqsOf));
        expect(seqs).toEqual([...naive].sort((a, b) => a - b));
        for (const one of taken) {
          for (const seq of seqsOf(one)) {
            const about = added.filter((other) => seqsOf(other).includes(seq));
            expect(one.reason).toBe(about[0]?.reason);
            for (const { logs, messages, firstT, lastT } of about) {
              if (one.logs !== null)
                expect(one.logs).toEqual(expect.arrayContaining([...(logs ?? [""])]));
              expect(one.messages || !messages).toBe(true);
              expect(one.firstT).toBeLessThanOrEqual(firstT);
              expect(one.lastT).toBeGreaterThanOrEqual(lastT);
            }
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  it("past their bound cover more, and never less", () => {
    const apart = Array.from({ length: 300 }, (_, i) => {
      const seq = 1 + 2 * ((i * 7) % 300);
      return range(seq, seq);
    });
    const added = [...apart, range(2, 580, "refused")];
    const taken = takeAll(...added);
    expect(taken.length).toBeLessThanOrEqual(MAX_LOST_RANGES);
    expect(declared(taken)).toEqual(taken);
    const seqs = new Set(taken.flatMap(seqsOf));
    expect(added.flatMap(seqsOf).every((seq) => seqs.has(seq))).toBe(true);
  });
});
