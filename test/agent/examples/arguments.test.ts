import { describe, expect, it } from "vitest";
import {
  readCount,
  readDurationMs,
  readSeed,
  UsageError,
} from "../../../agent/examples/arguments.ts";

describe("the examples' arguments", () => {
  it.each([
    ["30s", 30_000],
    ["500ms", 500],
    ["1.5s", 1_500],
    ["2m", 120_000],
  ])("read %s as a time", (text, ms) => {
    expect(readDurationMs("--calm", text, 500)).toBe(ms);
  });

  it.each(["", "30", "s", "-5s", "499ms", "61m", "1e3s", "Infinitys"])(
    "refuse %s as a time, naming the option",
    (text) => {
      expect(() => readDurationMs("--calm", text, 500)).toThrow(UsageError);
      expect(() => readDurationMs("--calm", text, 500)).toThrow(/^--calm: a time such as 30s/);
    },
  );

  it("take whole numbers within bounds, both included, and nothing else", () => {
    expect([1, 7].map((n) => readCount("--steps", String(n), 1, 7))).toEqual([1, 7]);
    for (const text of ["0", "8", "2.5", "", "x", "-1", "0x3"]) {
      expect(() => readCount("--steps", text, 1, 7)).toThrow("--steps: a whole number from 1 to 7");
    }
  });

  it("keep a seed that is given, and draw one that is not", () => {
    expect(readSeed("17")).toBe(17);
    expect(Number.isSafeInteger(readSeed(undefined))).toBe(true);
  });
});
