import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ByteReader,
  ByteWriter,
  toWellFormed,
  unzigzag,
  zigzag,
} from "../../../agent/kernel/index.ts";

const whole = fc.oneof(
  fc.maxSafeNat(),
  fc
    .tuple(fc.integer({ min: 0, max: 53 }), fc.integer({ min: -2, max: 2 }))
    .map(([bits, step]) => Math.min(Number.MAX_SAFE_INTEGER, Math.max(0, 2 ** bits + step))),
);

/** The slow and obvious way, on integers without end. */
function slowVarint(value: number): number[] {
  const bytes: number[] = [];
  let rest = BigInt(value);
  while (rest >= 128n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  return [...bytes, Number(rest)];
}

function written(write: (out: ByteWriter) => void): number[] {
  const out = new ByteWriter();
  write(out);
  return [...out.bytes.subarray(0, out.pos)];
}

describe("a varint", () => {
  it("is written as the slow way writes it, alone or in a column, and read back", () => {
    fc.assert(
      fc.property(fc.array(whole, { maxLength: 20 }), (values) => {
        const slow = values.flatMap(slowVarint);
        expect(written((out) => out.varints(values, values.length))).toEqual(slow);
        expect(written((out) => values.forEach((value) => void out.varint(value)))).toEqual(slow);
        expect([...new ByteReader(Uint8Array.from(slow)).column(values.length)]).toEqual(values);
        const one = new ByteReader(Uint8Array.from(slow));
        expect(values.map(() => one.varint())).toEqual(values);
        expect(one.remaining).toBe(0);
      }),
      { numRuns: 500 },
    );
  });

  const refused: ReadonlyArray<readonly [why: string, bytes: number[]]> = [
    ["it ends too early", []],
    ["it ends in its middle", [0x80]],
    ["it ends in its high part", [0xff, 0xff, 0xff, 0xff, 0xff]],
    ["one byte too many", [0x81, 0x00]],
    ["one byte too many in its high part", [0x80, 0x80, 0x80, 0x80, 0x00]],
    ["2^53", [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10]],
    ["nine bytes", [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]],
  ];
  it.each(refused)("is refused: %s", (_why, bytes) => {
    const bad = expect.objectContaining({ code: "bad-batch" });
    expect(() => new ByteReader(Uint8Array.from(bytes)).varint()).toThrow(bad);
    expect(() => new ByteReader(Uint8Array.from(bytes)).column(1)).toThrow(bad);
    expect(() => new ByteReader(Uint8Array.from([7, ...bytes])).column(2)).toThrow(bad);
  });

  it("folds signs in and out", () => {
    expect([0, -1, 1, -2, 2].map(zigzag)).toEqual([0, 1, 2, 3, 4]);
    fc.assert(
      fc.property(fc.integer({ min: -(2 ** 52) + 1, max: 2 ** 52 - 1 }), (value) => {
        expect(unzigzag(zigzag(value))).toBe(value);
        expect(Number.isSafeInteger(zigzag(value))).toBe(true);
      }),
    );
    for (const folded of [2 ** 31 - 1, 2 ** 31, 2 ** 31 + 1, 2 ** 32]) {
      expect(zigzag(unzigzag(folded))).toBe(folded);
    }
  });
});

describe("text", () => {
  it("is UTF-8 as the platform writes it", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 60 }), (text) => {
        const bytes = written((out) => void out.text(text));
        expect(bytes).toEqual([...new TextEncoder().encode(text)]);
        expect(new ByteReader(Uint8Array.from(bytes)).text(bytes.length)).toBe(toWellFormed(text));
      }),
    );
  });

  it.each([[[0xff]], [[0xc0, 0x80]], [[0xed, 0xa0, 0x80]], [[0xe2, 0x82]]])(
    "%j is not UTF-8",
    (bytes) => {
      expect(() => new ByteReader(Uint8Array.from(bytes)).text(bytes.length)).toThrow(/not UTF-8/);
    },
  );

  it("keeps a byte order mark, which is a letter like any other", () => {
    expect(new ByteReader(Uint8Array.of(0xef, 0xbb, 0xbf, 0x41)).text(4)).toBe("\ufeffA");
  });
});
