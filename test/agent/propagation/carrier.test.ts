import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import {
  AGENT_NODE_ID,
  formatHlc,
  type Hlc,
  MAX_HLC,
  MIN_HLC,
  parseHlc,
} from "../../../agent/kernel/index.ts";
import {
  formatCarrier,
  MAX_CARRIER_BYTES,
  parseCarrier,
  readCarrier,
} from "../../../agent/propagation/carrier.ts";
import type { Stamp } from "../../../agent/propagation/recorder.ts";

const NODE_CHARACTERS = [..."ABCXYZabcxyz0189._:@-"];
const aNode = fc
  .array(fc.constantFrom(...NODE_CHARACTERS), { minLength: 1, maxLength: 80 })
  .map((characters) => characters.join(""));
const aStamp: fc.Arbitrary<Stamp> = fc.record({
  t: fc.integer({ min: MIN_HLC, max: MAX_HLC }).map((t) => t as Hlc),
  epoch: fc.oneof(fc.nat(40), fc.maxSafeNat()),
  seq: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: MAX_HLC })),
  node: aNode,
});

/** The slow and obvious twin, by the words of the document. */
function slowParse(text: string): Stamp | undefined {
  const match =
    /^[ \t]*1-([0-9a-f]{16})-(0|[1-9a-z][0-9a-z]*)\.([1-9a-z][0-9a-z]*)-(.*?)[ \t]*$/.exec(text);
  if (match === null || text.trim().length > MAX_CARRIER_BYTES) return undefined;
  const [, hex = "", epochText = "", seqText = "", node = ""] = match;
  const t = parseHlc(hex);
  const epoch = Number.parseInt(epochText, 36);
  const seq = Number.parseInt(seqText, 36);
  if (t === undefined || !Number.isSafeInteger(epoch) || !Number.isSafeInteger(seq))
    return undefined;
  if (epochText.length > 11 || seqText.length > 11) return undefined;
  return AGENT_NODE_ID.test(node) ? { t, epoch, seq, node } : undefined;
}

const sample = "1-01a1fed6007b0a70-k3q.5f2-cart@host7-412";

describe("the carrier", () => {
  it("reads the example of the document", () => {
    expect(parseCarrier(sample)).toEqual({
      t: parseHlc("01a1fed6007b0a70"),
      epoch: Number.parseInt("k3q", 36),
      seq: Number.parseInt("5f2", 36),
      node: "cart@host7-412",
    });
  });

  it("comes back as it was written, within 128 bytes, whatever the stamp", () => {
    fc.assert(
      fc.property(aStamp, (stamp) => {
        const text = formatCarrier(stamp);
        expect(text).toBe(
          `1-${formatHlc(stamp.t)}-${stamp.epoch.toString(36)}.${stamp.seq.toString(36)}-${stamp.node}`,
        );
        expect(text.length).toBeLessThanOrEqual(MAX_CARRIER_BYTES);
        expect(parseCarrier(text)).toEqual(stamp);
      }),
      { numRuns: 2_000 },
    );
  });

  it("writes the millisecond before tick zero, first of all stamps too", async () => {
    vi.resetModules();
    const fresh = await import("../../../agent/propagation/carrier.ts");
    const stamp = { t: -24 as Hlc, epoch: 1, seq: 1, node: "n" };
    expect(fresh.formatCarrier(stamp)).toBe(`1-${formatHlc(stamp.t)}-1.1-n`);
  });

  it("agrees with the slow reading on every text near a valid one", () => {
    const anEdit = fc.record({
      at: fc.nat(140),
      remove: fc.nat(3),
      insert: fc.oneof(
        fc.constant(""),
        fc.constantFrom("-", ".", " ", "0", "1", "f", "g", "F", "z", "\t", "é", "\u0000", "٣"),
        fc.string({ maxLength: 90 }),
      ),
    });
    fc.assert(
      fc.property(aStamp, fc.array(anEdit, { maxLength: 3 }), (stamp, edits) => {
        let text = formatCarrier(stamp);
        for (const { at, remove, insert } of edits) {
          text = text.slice(0, at) + insert + text.slice(at + remove);
        }
        expect(parseCarrier(text)).toEqual(slowParse(text));
      }),
      { numRuns: 20_000 },
    );
  });

  it("reads any text without throwing", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: "binary", maxLength: 400 })), (text) => {
        const { stamp, malformedCount } = readCarrier(text);
        expect(stamp === undefined ? malformedCount > 0 : true).toBe(true);
      }),
      { numRuns: 5_000 },
    );
  });

  const malformed: readonly (readonly [why: string, text: string])[] = [
    ["nothing", ""],
    ["an unknown version", sample.replace("1-", "2-")],
    ["upper-case hex: one stamp has one spelling", sample.replace("a70", "A70")],
    ["seq 0", sample.replace("5f2", "0")],
    ["a leading zero", sample.replace("k3q", "0k3q")],
    ["an epoch beyond the safe integers", sample.replace("k3q", "zzzzzzzzzzz")],
    ["no seq", sample.replace(".5f2", "")],
    ["no node", "1-01a1fed6007b0a70-k3q.5f2-"],
    ["a node with a space inside", `${sample} x`],
    ["a node of 81 characters", `1-01a1fed6007b0a70-k3q.5f2-${"n".repeat(81)}`],
    ["a stamp after 2089", sample.replace("01a1fed6007b0a70", "ffffffffffffffff")],
    ["a line end", `${sample}\n`],
  ];
  it.each(malformed)("refuses %s", (_why, text) => {
    expect(parseCarrier(text)).toBeUndefined();
    expect(readCarrier(text)).toEqual({ stamp: undefined, malformedCount: 1 });
  });

  it("rounds a foreign stamp that uses the low four bits up, never down", () => {
    const low = parseCarrier(sample)?.t ?? Number.NaN;
    expect(parseCarrier(sample.replace("0a70", "0a71"))?.t).toBe(low + 1);
    expect(parseCarrier(sample.replace("0a70", "0a80"))?.t).toBe(low + 1);
  });

  it("takes the largest valid stamp of four values, joined or apart, and reads no further", () => {
    const aValue = fc.oneof(
      aStamp.map((stamp) => ({ text: formatCarrier(stamp), stamp })),
      fc.constantFrom("", "junk", "1-").map((text) => ({ text, stamp: undefined })),
    );
    const values = fc.array(aValue, { minLength: 2, maxLength: 8 });
    fc.assert(
      fc.property(
        values,
        fc.constantFrom(",", ", ", " ,\t"),
        fc.boolean(),
        (list, glue, joined) => {
          const texts = list.map(({ text }) => text);
          const read = list.slice(0, 4);
          const valid = read.flatMap(({ stamp }) => (stamp === undefined ? [] : [stamp]));
          const reading = readCarrier(joined ? texts.join(glue) : texts);
          expect(reading.stamp?.t).toBe(
            valid.length === 0 ? undefined : Math.max(...valid.map(({ t }) => t)),
          );
          expect(reading.malformedCount).toBe(read.length - valid.length);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it("does bounded work on a header of a megabyte", () => {
    expect(readCarrier(" ".repeat(1_000_000))).toEqual({ stamp: undefined, malformedCount: 1 });
    expect(readCarrier(`${sample},`.repeat(20_000)).malformedCount).toBe(0);
  });
});
