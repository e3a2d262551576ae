import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import { takeIn } from "../../../agent/state/intake.ts";
import { firstBytes, ownText, takeName, utf8Bytes } from "../../../agent/state/texts.ts";
import { recordingParts } from "../../support/recording-parts.ts";

const MIB = 1024 * 1024;

/** Large texts made of bytes lie outside V8's heap. */
function memory(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

it("keeps no huge text alive for a short one that was cut out of it", () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const { log } = recordingParts();
  const kept: unknown[] = [];
  collect();
  collect(); // what lies outside goes with the second
  const before = memory();
  for (let i = 0; i < 8; i += 1) {
    const huge = Buffer.alloc(8 * MIB, 97 + i).toString("latin1");
    kept.push(takeIn(huge.slice(5, 100)), takeIn({ a: [huge.slice(7, 90)] }));
    log("l").set(huge.slice(3, 40), 1);
  }
  collect();
  collect(); // what lies outside goes with the second
  expect(memory() - before).toBeLessThan(24 * MIB); // of 64; the last may still be at hand
  expect(kept).toHaveLength(16);
});

it("gives the same text, whole or as much of it as fits", () => {
  for (const text of ["", "short", "exactly 13 ch", "é\ud83d\ude00 and more than thirteen"]) {
    expect(ownText(text)).toBe(text);
    expect(utf8Bytes(firstBytes(text, 7))).toBeLessThanOrEqual(7);
    expect(text.startsWith(firstBytes(text, 7))).toBe(true);
  }
  expect(takeName("a\ud800b")).toBe("a\ufffdb");
});
