/** Planted stalls against what was told of them. */
import { describe, expect, it } from "vitest";
import { resultText } from "../../../../agent/examples/replicated-store/stall-text.ts";
import {
  isProved,
  judgeStall,
  others,
  type PlantedStall,
  type ToldEpisode,
} from "../../../../agent/examples/replicated-store/stall-verdict.ts";

const START_MS = Date.parse("2026-11-21T16:00:00Z");
const STALL_MS = 150;

const planted: PlantedStall = {
  ...{ node: "store-2", kind: "gc", startMs: START_MS, lastedMs: 150, waitedMs: 0 },
  ...{ hostLateMs: 0, waitedShareBefore: 0.02 },
};

interface Told {
  readonly node?: string;
  readonly cause?: string;
  readonly offMs?: number;
  readonly boundMs?: number | null;
  readonly requestMs?: number;
  readonly edge?: ToldEpisode["tier"]["edge"];
}

function told({ node = "store-2", cause = "gc", offMs = 0, ...rest }: Told = {}): ToldEpisode {
  const { boundMs = 5, requestMs = 900, edge } = rest;
  return {
    id: `ep-${node}-${offMs}`,
    durationMs: 148,
    tier: edge === undefined ? { node } : { node, edge },
    causes: [{ cause, ms: 140 }],
    unexplainedMs: 8,
    severity: { requestMs },
    skew: { boundMs, adjustedOnset: { time: new Date(START_MS + offMs).toISOString() } },
  };
}

describe("a planted stall", () => {
  it.each<[string, Partial<PlantedStall>, ToldEpisode[], string]>([
    ["is right if process and cause are told", {}, [told()], "right"],
    ["is missed if nothing is told", {}, [], "missed"],
    [
      "may be told half its length late, and as far off as clocks",
      {},
      [told({ offMs: 80 })],
      "right",
    ],
    ["is missed if what is told began later than that", {}, [told({ offMs: 81 })], "missed"],
    ["or earlier", {}, [told({ offMs: -81 })], "missed"],
    ["is not forgiven what clocks do not explain", {}, [told({ offMs: 80, boundMs: 0 })], "missed"],
    ["nor if nothing is known of the clocks", {}, [told({ offMs: 80, boundMs: null })], "missed"],
    ["is wrong if it is charged to somebody else", {}, [told({ node: "store-1" })], "wrong tier"],
    [
      "is wrong if the way to the process is blamed",
      {},
      [told({ edge: { from: "gateway", to: "store-2" } })],
      "wrong tier",
    ],
    [
      "is wrong if something else is said to be the cause",
      {},
      [told({ cause: "run" })],
      "wrong cause",
    ],
    [
      "is judged by the costliest that is told, not by the one that fits",
      {},
      [told(), told({ node: "store-1", requestMs: 901 })],
      "wrong tier",
    ],
    ["proves nothing if it never began", { lastedMs: null }, [], "prevented"],
    ["counts while it has two thirds of a CPU", { waitedMs: 50 }, [], "missed"],
    ["proves nothing by a miss with less", { waitedMs: 51 }, [], "prevented"],
    ["nor by what is said of it then", { waitedMs: 51 }, [told({ cause: "run" })], "prevented"],
    ["is right even so, if it is told rightly", { waitedMs: 51 }, [told()], "right"],
    ["counts where nobody knows how long it waited", { waitedMs: null }, [told()], "right"],
    ["counts where waiting was rare before", { waitedShareBefore: 0.1 }, [], "missed"],
    ["proves nothing where it was usual", { waitedShareBefore: 0.11 }, [], "prevented"],
    ["proves nothing if the machine stood still", { hostLateMs: 51 }, [], "prevented"],
  ])("%s", (_why, change, episodes, verdict) => {
    expect(judgeStall({ ...planted, ...change }, episodes, STALL_MS).verdict).toBe(verdict);
  });

  it("is proved by all that could be judged, and by nothing if none could", () => {
    const right = judgeStall(planted, [told()], STALL_MS);
    const missed = judgeStall(planted, [], STALL_MS);
    const prevented = judgeStall({ ...planted, lastedMs: null }, [], STALL_MS);
    expect(isProved([right, prevented])).toBe(true);
    expect(isProved([right, missed])).toBe(false);
    expect(isProved([prevented])).toBeUndefined();
    expect(isProved([])).toBeUndefined();
  });

  it("is told apart, in words, from what nobody planted; a miss is called one", () => {
    const beside = told({ node: "store-1", cause: "run-queue", offMs: 1_000 });
    const judged = [
      judgeStall(planted, [told()], STALL_MS),
      judgeStall({ ...planted, startMs: START_MS + 9_000 }, [], STALL_MS),
      judgeStall({ ...planted, waitedMs: 60 }, [told()], STALL_MS),
    ];
    const text = resultText({ judged, others: others(judged, [told(), beside]) });
    expect(text).toContain("16:00:00.000  planted: store-2 collects garbage, 150 ms");
    expect(text).toContain("told:    store-2 stood still for 148 ms: gc 140 ms, unexplained 8 ms");
    expect(text).toMatch(/nothing was told\n +missed/);
    expect(text).toContain("right (although no CPU was free for 60 of its 150 ms)");
    expect(text).toMatch(/nobody planted +1\n +16:00:01\.000 +told: +store-1.*run-queue 140 ms/);
    expect(text.trim().endsWith("Stalls: FAIL")).toBe(true);
  });
});
