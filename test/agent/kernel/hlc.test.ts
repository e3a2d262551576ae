import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  addMs,
  formatHlc,
  formatHlcDisplay,
  formatIsoMicros,
  type Hlc,
  isHlc,
  lowBits,
  MAX_HLC,
  MIN_HLC,
  parseHlc,
  parseTime,
  TICKS_PER_MS,
  ticksFromUnixMs,
  unixMsFromTicks,
} from "../../../agent/kernel/index.ts";

/** Any stamp, with the edges of milliseconds, of 1970, 2020 and 2089 drawn often. */
const stamp = fc
  .oneof(
    fc.maxSafeInteger().filter((t) => t >= MIN_HLC),
    fc
      .tuple(fc.integer({ min: -(2 ** 40), max: 2 ** 40 }), fc.integer({ min: -2, max: 2 }))
      .map(([ms, step]) => ms * TICKS_PER_MS + step)
      .filter((t) => t >= MIN_HLC),
    fc.constantFrom<number>(MIN_HLC, MIN_HLC + 1, -4_096, -1, 0, 1, 4_095, MAX_HLC - 1, MAX_HLC),
  )
  .map((t) => (t + 0) as Hlc);

describe("text forms of a stamp", () => {
  it("come back as the same stamp", () => {
    fc.assert(
      fc.property(stamp, (t) => {
        expect(parseHlc(formatHlc(t))).toBe(t);
        expect(parseHlc(formatHlc(t).toUpperCase())).toBe(t);
        expect(parseTime(formatHlcDisplay(t), 0 as Hlc)).toBe(t);
      }),
      { numRuns: 500 },
    );
  });

  it("order as text as the stamps order as numbers", () => {
    fc.assert(
      fc.property(stamp, stamp, (a, b) => {
        expect(formatHlc(a) < formatHlc(b)).toBe(a < b);
        expect(formatHlcDisplay(a) < formatHlcDisplay(b)).toBe(a < b);
      }),
      { numRuns: 500 },
    );
  });

  it("with microseconds names a cut that holds the event, and no event a microsecond later", () => {
    fc.assert(
      fc.property(
        stamp.filter((t) => t < MAX_HLC - TICKS_PER_MS),
        (t) => {
          const read = parseTime(formatIsoMicros(t), 0 as Hlc);
          expect(read).toBeGreaterThanOrEqual(t);
          expect(read - t).toBeLessThanOrEqual(Math.ceil(TICKS_PER_MS / 1_000));
        },
      ),
      { numRuns: 500 },
    );
  });

  const known: ReadonlyArray<readonly [why: string, t: number, hex: string, display: string]> = [
    ["the first moment", MIN_HLC, "0000000000000000", "1970-01-01T00:00:00.000Z+000"],
    ["the tick before 2020", -1, "016f5e66e7fffff0", "2019-12-31T23:59:59.999Z+fff"],
    ["2020", 0, "016f5e66e8000000", "2020-01-01T00:00:00.000Z+000"],
    [
      "the design's example",
      890_634_240_503_975,
      "01a1fed6007b0a70",
      "2026-11-21T16:00:00.123Z+0a7",
    ],
    ["the last one", MAX_HLC, "036f5e66e7fffff0", "2089-09-06T15:47:35.551Z+fff"],
  ];
  it.each(known)("%s", (_why, t, hex, display) => {
    expect(formatHlc(t as Hlc)).toBe(hex);
    expect(formatHlcDisplay(t as Hlc)).toBe(display);
  });
});

describe("a foreign stamp that uses the low 4 bits", () => {
  it("is rounded up, so that order is kept", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 0x1_ffff_ffff_ffff_fffn }), (raw) => {
        const text = raw.toString(16).padStart(16, "0").slice(0, 16);
        const t = parseHlc(text);
        const below = parseHlc(`${text.slice(0, 15)}0`);
        if (t === undefined || below === undefined) return;
        expect(t).toBe(text.endsWith("0") ? below : below + 1);
      }),
    );
  });

  it("carries into the milliseconds", () => {
    const t = parseHlc("01a1fed60000fff1") as Hlc;
    expect(formatHlc(t)).toBe("01a1fed600010000");
  });

  it("is no stamp when it lies after 2089", () => {
    expect(parseHlc(formatHlc(MAX_HLC))).toBe(MAX_HLC);
    expect(parseHlc(`${formatHlc(MAX_HLC).slice(0, 15)}1`)).toBe(undefined);
    expect(parseHlc("ffffffffffffffff")).toBe(undefined);
  });

  it.each(["", "01a1fed600000000 ", "01a1fed60000000", "01a1fed60000000g", "+1a1fed600000000"])(
    "%j is none at all",
    (text) => {
      expect(parseHlc(text)).toBe(undefined);
    },
  );
});

describe("the arithmetic of ticks", () => {
  it("splits every stamp into its millisecond and 12 low bits, below 2020 too", () => {
    fc.assert(
      fc.property(stamp, (t) => {
        const low = lowBits(t);
        expect(low).toBeGreaterThanOrEqual(0);
        expect(low).toBeLessThan(TICKS_PER_MS);
        expect(Object.is(low, -0)).toBe(false);
        expect(ticksFromUnixMs(unixMsFromTicks(t)) + low).toBe(t);
      }),
      { numRuns: 500 },
    );
  });

  it("moves by milliseconds and fractions, rounded down", () => {
    expect(addMs(100 as Hlc, 1)).toBe(4_196);
    expect(addMs(100 as Hlc, -0.25)).toBe(100 - 1_024);
    expect(addMs(-1 as Hlc, 0.0001)).toBe(-1);
  });

  it.each([
    [0, true],
    [MIN_HLC, true],
    [MAX_HLC, true],
    [MIN_HLC - 1, false],
    [MAX_HLC + 1, false],
    [0.5, false],
    [Number.NaN, false],
    ["0", false],
    [null, false],
  ])("%j is a stamp: %j", (value, expected) => {
    expect(isHlc(value)).toBe(expected);
  });
});
