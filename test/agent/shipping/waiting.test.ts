/** How long agents stay away after a failure, and that they do not come back together. */
import { describe, expect, it } from "vitest";
import { BackOff, MAX_RETRY_AFTER_MS } from "../../../agent/shipping/back-off.ts";
import { Reach } from "../../../agent/shipping/reach.ts";
import { VirtualScheduler } from "../../support/virtual-scheduler.ts";

const AGENTS = 100;
const agents = Array.from({ length: AGENTS }, (_, i) => new VirtualScheduler(i + 1));

/** The largest number of waits within a quarter of a second. */
function crowd(waits: readonly number[]): number {
  return Math.max(...waits.map((one) => waits.filter((w) => w >= one && w < one + 250).length));
}

describe("a hundred agents told to wait", () => {
  it.each([
    ["a wait below the cap", 30_000, 30_000],
    ["a wait at the cap", MAX_RETRY_AFTER_MS, MAX_RETRY_AFTER_MS],
    ["an absurd wait", 86_400_000, MAX_RETRY_AFTER_MS],
  ])("spread over the quarter after %s", (_name, askedMs, floorMs) => {
    const waits = agents.map((scheduler) => new BackOff(scheduler).failedMs(askedMs));
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(floorMs);
    expect(Math.max(...waits)).toBeLessThanOrEqual(1.25 * floorMs);
    expect(crowd(waits)).toBeLessThan(20);
  });

  it("spread after their token was refused", async () => {
    const waits = await Promise.all(
      agents.map(async (scheduler) => {
        const reach = new Reach(scheduler, "collector", () => true);
        reach.failed({ kind: "unauthorized", status: 401 });
        const start = scheduler.nowMs();
        reach.failed({ kind: "unauthorized", status: 401 });
        while (!reach.isFree) await scheduler.advance(50);
        return scheduler.nowMs() - start;
      }),
    );
    expect(Math.min(...waits)).toBeGreaterThan(50_000);
    expect(Math.max(...waits)).toBeLessThanOrEqual(70_000);
    expect(crowd(waits)).toBeLessThan(20);
  });

  it("come back soon after one refusal among good answers: a damaged request gets such a one", async () => {
    const scheduler = agents[0] as VirtualScheduler;
    const reach = new Reach(scheduler, "collector", () => true);
    for (let i = 0; i < 3; i += 1) {
      reach.failed({ kind: "unauthorized", status: 403 });
      expect(reach.problem).toContain("token");
      await scheduler.advance(200);
      expect(reach.isFree).toBe(true);
      reach.succeeded();
    }
  });
});
