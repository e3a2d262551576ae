import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addMs, formatHlc, formatIsoMicros, type Hlc } from "../../../agent/kernel/index.ts";
import { plain, table, valueText } from "../../../collector/cli/text.ts";
import {
  absoluteAndAgo,
  asTyped,
  beforeOrAfter,
  shieldTimes,
  spanText,
} from "../../../collector/cli/times.ts";

describe("text for a terminal", () => {
  it("keeps nothing that a terminal obeys", () => {
    const text = plain("a\u001b[31mred\u0007\r\nb\u009b2J\u202eevil\u2028");
    expect(text).toBe("a\ufffd[31mred\ufffd\ufffd\ufffdb\ufffd2J\ufffdevil\ufffd");
  });

  it("shows values as JSON, sets as sets, and hides no control in either", () => {
    expect(valueText({ a: [1, null] })).toBe('{"a":[1,null]}');
    expect(valueText({ $set: ["n1", 2] })).toBe('{"n1", 2}');
    expect(valueText(undefined)).toBe("(none)");
    expect(valueText("\u001b\u009b")).toBe('"\\u001b\ufffd"');
  });

  it("is in line, whatever the cells hold", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string(), fc.string(), fc.string())), (rows) => {
        const lines = table(rows).split("\n").slice(0, -1);
        expect(lines).toHaveLength(rows.length);
        const widest = Math.max(0, ...rows.map(([first]) => [...first].length));
        rows.forEach(([first, second], i) => {
          const expected =
            plain(first) + " ".repeat(widest - [...first].length + 2) + plain(second);
          expect(lines[i]?.startsWith(expected.trimEnd())).toBe(true);
        });
      }),
    );
  });

  it("is no wider than the terminal", () => {
    const text = table([["key", "x".repeat(100)]], { columns: 20 });
    expect(text).toBe(`key  ${"x".repeat(14)}…\n`);
  });
});

describe("relative times on the command line", () => {
  it("reach the command as typed, as arguments and as values of options", () => {
    const words = ["diff", "-5s", "-1.5s", "--at", "-250ms", "--node", "n1", "-h"];
    const shielded = shieldTimes(words);
    expect(shielded.filter((word) => word.startsWith("-"))).toEqual(["--at", "--node", "-h"]);
    expect(shielded.map(asTyped)).toEqual(words);
  });

  it("leave everything else alone", () => {
    const words = ["--json", "-5", "-x", " -5s", "5s", "--", "-5s"];
    expect(shieldTimes(words)).toEqual(words);
  });
});

describe("times in words", () => {
  const h = (t: Hlc) => ({ hlc: formatHlc(t), time: formatIsoMicros(t) });
  const origin = 0 as Hlc; // 2020-01-01

  it.each([
    [0.25, "250 us"],
    [3.2, "3.2 ms"],
    [250, "250 ms"],
    [5_000, "5.0 s"],
    [59_400, "59 s"],
    [720_000, "12 min"],
    [86_400_000 * 3, "3.0 d"],
  ])("say %f ms as %s", (ms, text) => {
    expect(spanText(ms)).toBe(text);
  });

  it("show the distance beside the moment", () => {
    const nowMs = 1_577_836_805_000;
    expect(absoluteAndAgo(h(origin), nowMs)).toBe("2020-01-01T00:00:00.000000Z (5.0 s ago)");
    expect(absoluteAndAgo(h(addMs(origin, 6_000)), nowMs)).toContain("(in 1.0 s)");
    expect(beforeOrAfter(h(origin), h(addMs(origin, 3.25)))).toBe("3.3 ms before");
    expect(beforeOrAfter(h(addMs(origin, 2)), h(origin))).toBe("2.0 ms after");
  });
});
