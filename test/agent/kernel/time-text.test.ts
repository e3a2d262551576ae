import { describe, expect, it } from "vitest";
import { type Hlc, parseDurationMs, parseTime, RetroError } from "../../../agent/kernel/index.ts";

const T = 890_634_240_000_000; // 2026-11-21T16:00:00Z
const NOW = (T + 7) as Hlc;
const MS = 4_096;

describe("a time that is typed", () => {
  const cases: ReadonlyArray<readonly [text: string, t: number]> = [
    ["01a1fed600000000", T],
    ["01A1FED600000010", T + 1],
    ["2026-11-21T16:00:00.123Z+0a7", T + 123 * MS + 0xa7],
    ["2026-11-21T16:00:00.123Z 0a7", T + 123 * MS + 0xa7], // a URL's plus
    ["2026-11-21T16:00:00Z", T],
    ["2026-11-21t16:00:00z", T],
    ["2026-11-21 16:00:00Z", T],
    ["2026-11-21T16:00Z", T],
    ["2026-11-21T17:00:00+01:00", T],
    ["2026-11-21T17:00:00 01:00", T], // a URL's plus
    ["2026-11-21T17:00:00 +01:00", T],
    ["2026-11-21T08:00:00-0800", T],
    ["2026-11-21T16:00:00.5Z", T + 500 * MS],
    ["2026-11-21T16:00:00,5Z", T + 500 * MS],
    ["2026-11-21T16:00:00.000250Z", T + 1_024],
    ["2026-11-21T16:00:00.000000244Z", T],
    ["2026-11-21T16:00:00.000000245Z", T + 1],
    ["2024-02-29T00:00:00Z", (Date.UTC(2024, 1, 29) - Date.UTC(2020, 0, 1)) * MS],
    ["1795276800000", T],
    ["1795276800000.25", T + 1_024],
    ["0", -1_577_836_800_000 * MS],
    ["now", NOW],
    ["-5s", NOW - 5_000 * MS],
    ["-250ms", NOW - 250 * MS],
    ["+1.5m", NOW + 90_000 * MS],
    ["-1us", NOW - 5], // rounded down to a tick
    ["-2h", NOW - 7_200_000 * MS],
    ["-1d", NOW - 86_400_000 * MS],
    ["  now ", NOW],
  ];
  it.each(cases)("%j", (text, t) => {
    expect(parseTime(text, NOW)).toBe(t);
  });

  it("is taken for hex first, if it has exactly 16 hex digits", () => {
    expect(() => parseTime("9999999999999999", NOW)).toThrow(/not a time/); // after 2089
    expect(parseTime("0195276800000000", NOW)).toBe(hexTicks("0195276800000000"));
  });

  const bad = [
    "",
    "yesterday",
    "5s",
    "2026-11-21",
    "2026-11-21T16:00:00",
    "2026-02-30T00:00:00Z",
    "2025-02-29T00:00:00.000Z+000",
    "2026-04-31T12:00:00+02:00",
    "2026-13-01T00:00:00Z",
    "2026-11-21T25:00:00Z",
    "2026-11-21T16:00:60Z",
    "2026-11-21T16:00:00+25:00",
    "2026-11-21T16:00:00.1234567890Z",
    "1969-12-31T23:59:59Z",
    "2090-01-01T00:00:00Z",
    "-100000d",
    "-1795276800000",
    "1e12",
    "NaN",
    "-5x",
    "0x10",
  ];
  it.each(bad)("%j is none, and the error names it and what is accepted", (text) => {
    let error: unknown;
    try {
      parseTime(text, NOW);
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(RetroError);
    expect(error).toMatchObject({ code: "bad-time", hint: expect.stringMatching(/ISO 8601/) });
    expect((error as Error).message).toContain(JSON.stringify(text));
  });

  it.each([
    ["2026-11-21T15:00:00", "2026-11-21T15:00:00Z"],
    [" 2026-11-21 15:00 ", "2026-11-21 15:00Z"],
    ["2026-11-21", "2026-11-21T00:00Z"],
  ])("%j lacks its zone alone, and the error gives it one that is read", (text, withZone) => {
    const error = errorOf(text);
    expect(error).toMatchObject({ code: "bad-time" });
    expect(error.message).toContain("a time without a zone");
    expect(error.hint).toContain(`${withZone} (UTC)`);
    expect(parseTime(withZone, NOW)).toBeGreaterThan(0);
  });

  it("a day that is none does not lack a zone", () => {
    expect(errorOf("2026-02-30T15:00:00").message).toContain("not a time");
  });

  it("shows no more than 80 letters of a long one", () => {
    expect(() => parseTime("x".repeat(10_000), NOW)).toThrow(/^not a time: "x{80}"$/);
  });

  it("takes time linear in its length to refuse", () => {
    const started = performance.now();
    for (const text of ["1".repeat(200_000), " ".repeat(200_000), `-${"1".repeat(200_000)}`]) {
      expect(() => parseTime(text, NOW)).toThrow(RetroError);
    }
    expect(performance.now() - started).toBeLessThan(5_000); // a backtracking one would take hours
  });
});

describe("a duration that is typed", () => {
  it.each([
    ["250", 250],
    ["250ms", 250],
    ["2s", 2_000],
    ["1.5m", 90_000],
    ["24h", 86_400_000],
    ["7d", 604_800_000],
    [" 5us ", 0.005],
  ])("%j", (text, ms) => {
    expect(parseDurationMs(text)).toBe(ms);
  });

  it.each(["", "-2s", "2 s", "2w", "s", "1e3"])("%j is none", (text) => {
    expect(() => parseDurationMs(text)).toThrow(expect.objectContaining({ code: "bad-time" }));
  });
});

function errorOf(text: string): RetroError {
  try {
    parseTime(text, NOW);
  } catch (error) {
    return error as RetroError;
  }
  throw new Error(`${text} was read`);
}

function hexTicks(hex: string): number {
  return (
    (Number.parseInt(hex.slice(0, 12), 16) - 1_577_836_800_000) * MS +
    Number.parseInt(hex.slice(12), 16) / 16
  );
}
