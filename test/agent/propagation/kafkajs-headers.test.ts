import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseTime, ticksFromUnixMs } from "../../../agent/kernel/index.ts";
import { formatCarrier, readCarrier } from "../../../agent/propagation/carrier.ts";
import {
  carriersIn,
  removeCarrier,
  writeCarrier,
} from "../../../agent/propagation/kafkajs-headers.ts";
import { RefusedStamps } from "../../../agent/propagation/refused-stamps.ts";
import { SpentStamps } from "../../../agent/propagation/spent-stamps.ts";

const t = parseTime("01a1fed6007b0a70", ticksFromUnixMs(0));
const stampOf = (seq: number, epoch = 3) => ({ t, epoch, seq, node: "shop" });
const valid = formatCarrier(stampOf(9));

const name = fc.oneof(
  fc.constantFrom("retroscope-hlc", "Retroscope-HLC", "RETROSCOPE-HLC", "__proto__", "trace"),
  fc.string({ maxLength: 20 }),
);
const scalar = fc.oneof(
  fc.constant(valid),
  fc.constant(Buffer.from(valid)),
  fc.string(),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  fc.constantFrom(null, undefined, 7, {}, Number.NaN, Buffer.alloc(2_000, "1"), "1-".repeat(900)),
);
const headers = fc
  .array(fc.tuple(name, fc.oneof(scalar, fc.array(scalar, { maxLength: 8 }))), { maxLength: 6 })
  .map((pairs) => Object.fromEntries(pairs) as Record<string, unknown>);

describe("headers of a Kafka message", () => {
  it("are read without a throw and within a bound, whatever stands there", () => {
    fc.assert(
      fc.property(fc.oneof(headers, fc.anything()), (bag) => {
        const values = carriersIn(bag);
        if (values === undefined) return;
        const texts = typeof values === "string" ? [values] : values;
        expect(texts.length).toBeLessThanOrEqual(4);
        for (const text of texts) expect(text.length).toBeLessThanOrEqual(4 * 130);
        readCarrier(values);
      }),
    );
  });

  it("keep everything else when ours is written, and give it back when it is taken out", () => {
    fc.assert(
      fc.property(headers, (bag) => {
        const others = (of: Record<string, unknown>) =>
          Object.entries(of).filter(([key]) => key.toLowerCase() !== "retroscope-hlc");
        const copy = { ...bag };
        writeCarrier(copy, valid);
        expect(others(copy)).toEqual(others(bag));
        expect(Object.entries(copy).length).toBe(others(bag).length + 1);
        expect(readCarrier(carriersIn(copy) ?? "").stamp).toEqual(stampOf(9));
        removeCarrier(copy);
        expect(Object.entries(copy)).toEqual(others(bag));
        expect(carriersIn(copy)).toBeUndefined();
      }),
    );
  });

  const readings: ReadonlyArray<readonly [why: string, value: unknown, expected: unknown]> = [
    ["bytes", Buffer.from(valid), valid],
    ["text", valid, valid],
    ["several times", [Buffer.from("junk"), Buffer.from(valid)], ["junk", valid]],
    ["a null value", null, undefined],
    ["only null values", [null, null], undefined],
    ["no values", [], undefined],
    ["something else", 12, undefined],
  ];
  it.each(readings)("hold ours as %s", (_why, value, expected) => {
    expect(carriersIn({ "retroscope-hlc": value })).toEqual(expected);
  });
});

describe("spent stamps", () => {
  it("never forgets one that was added, and of those added lately knows who was not", () => {
    const seqs = fc.array(fc.integer({ min: 1, max: 20_000 }), { maxLength: 200 });
    fc.assert(
      fc.property(seqs, fc.integer({ min: 1, max: 20_000 }), (added, asked) => {
        const spent = new SpentStamps();
        for (const seq of added) spent.add(stampOf(seq));
        expect(spent.has(stampOf(asked))).toBe(added.includes(asked));
        expect(spent.has(stampOf(asked, 4))).toBe(false);
      }),
    );
  });

  it("takes those older than what it forgot for spent, and begins anew with an epoch", () => {
    const spent = new SpentStamps();
    for (let seq = 2; seq <= 20_000; seq += 2) spent.add(stampOf(seq));
    expect(spent.has(stampOf(2))).toBe(true);
    expect(spent.has(stampOf(3))).toBe(true);
    expect(spent.has(stampOf(19_999))).toBe(false);
    spent.add(stampOf(1, 4));
    expect(spent.has(stampOf(2, 4))).toBe(false);
    spent.add(stampOf(5, 3)); // of the epoch that was left
    expect(spent.has(stampOf(1, 4))).toBe(true);
  });
});

describe("refused stamps", () => {
  it("are known while few came after them, and however often they came", () => {
    const refused = new RefusedStamps();
    for (let seq = 1; seq <= 20_000; seq += 1) {
      for (let i = 0; i < 2; i += 1) refused.add(formatCarrier(stampOf(seq)));
      expect(refused.has(stampOf(seq))).toBe(true);
    }
    const known = Array.from({ length: 20_000 }, (_, i) => refused.has(stampOf(i + 1)));
    expect(known.indexOf(true)).toBe(20_000 - 16_384);
    expect(known.filter(Boolean)).toHaveLength(16_384);
  });
});
