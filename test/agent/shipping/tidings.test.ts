import { describe, expect, it } from "vitest";
import type { Hlc } from "../../../agent/kernel/index.ts";
import { MIN_TRIGGER_MS, Tidings } from "../../../agent/shipping/tidings.ts";

const T = 4_096_000 as Hlc;

describe("Tidings", () => {
  it("tells what was not heard again, and what was heard no more", () => {
    const tidings = new Tidings();
    tidings.trigger(T, "slow", 7, 0);
    const first = tidings.tell();
    tidings.trigger(T, "slower", 7, MIN_TRIGGER_MS);
    tidings.notHeard(first.number);
    expect(tidings.hasNews).toBe(true);
    const second = tidings.tell();
    expect(second.triggers?.map(({ reason }) => reason)).toEqual(["slow", "slower"]);
    tidings.heard(second.number);
    expect(tidings.isEmpty).toBe(true);
  });

  // Simulator, seed 602420: the answer to a batch that was left aside, because another process had its
  // epoch, passed for an answer to the trigger in it.
  it("tells a trigger again, and a report without its seqs, where they had gone out under another's epoch", () => {
    const tidings = new Tidings();
    tidings.trigger(T, "slow", 7, 0);
    tidings.report({ id: "c1", state: "shipped", firstSeq: 2, lastSeq: 9 });
    tidings.report({ id: "c2", state: "outside-window" });
    const { number } = tidings.tell();
    tidings.disowned(number);
    // News would go out at once, and be left aside at once.
    expect(tidings.hasNews).toBe(false);
    const again = tidings.tell();
    expect(again.triggers).toMatchObject([{ id: "7-1", reason: "slow" }]);
    expect(again.captures).toEqual([
      { id: "c1", state: "partial" },
      { id: "c2", state: "outside-window" },
    ]);
    tidings.heard(again.number);
    expect(tidings.isEmpty).toBe(true);
  });
});
