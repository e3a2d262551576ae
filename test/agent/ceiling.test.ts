import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ceilingFor, ceilingRenewalMs } from "../../agent/ceiling.ts";
import { resolveConfig } from "../../agent/config.ts";
import { Epochs } from "../../agent/epochs.ts";
import { type Hlc, HlcClock, TICKS_PER_MS } from "../../agent/kernel/index.ts";
import { Notices } from "../../agent/notices.ts";
import { ManualClock } from "../../agent/testing.ts";
import { VirtualScheduler } from "../support/virtual-scheduler.ts";

/** Runs of one node, each killed without a word; what is durable is the ceiling written last. */
class CrashLoop {
  readonly physical = new ManualClock("2026-11-21T16:00:00Z");
  ceiling: Hlc | undefined;
  /** The highest stamp that any run issued. */
  highest = 0;
  leadMs = 0;

  /** @param stampsPerMs how many the host asks for, throughout */
  run(livesMs: number, stampsPerMs: number): void {
    const { physical } = this;
    const clock = new HlcClock(physical, { ...(this.ceiling && { above: this.ceiling }) });
    const before = this.highest;
    let livedMs = 0;
    this.ceiling = ceilingFor(clock.last, clock.physicalNow(), 0);
    let renewMs = ceilingRenewalMs(clock.last, clock.physicalNow(), 0);
    while (livedMs < livesMs) {
      for (let i = 0; i < stampsPerMs; i += 1) {
        this.highest = clock.now();
        if (i === 0) expect(this.highest).toBeGreaterThan(before);
      }
      if (stampsPerMs > 0) expect(this.highest).toBeLessThanOrEqual(this.ceiling);
      physical.advanceMs(1);
      livedMs += 1;
      if (livedMs < renewMs) continue;
      this.ceiling = ceilingFor(clock.last, clock.physicalNow(), livedMs);
      renewMs = livedMs + ceilingRenewalMs(clock.last, clock.physicalNow(), livedMs);
    }
    this.leadMs = (clock.last - physical.now()) / TICKS_PER_MS;
  }
}

describe("the ceiling of a node that crashes and starts again", () => {
  it.each([
    [1, 3_010 + 20 * 10],
    [40, 3_010],
    [700, 3_010],
    [1_100, 3_010],
  ])("does not rise faster than time passes, at a life of %d ms", (livesMs, mostMs) => {
    const loop = new CrashLoop();
    for (let i = 0; i < 20; i += 1) {
      loop.run(livesMs, 5);
      expect(loop.leadMs).toBeLessThanOrEqual(mostMs);
    }
  });

  it("is above every stamp when it is issued, and the next run starts above it", () => {
    const lives = fc.record({
      livesMs: fc.integer({ min: 0, max: 120 }),
      stampsPerMs: fc.integer({ min: 0, max: 300 }),
      stepMs: fc.constantFrom(0, 0, 0, -5_000, 2_000),
    });
    fc.assert(
      fc.property(fc.array(lives, { minLength: 1, maxLength: 8 }), (runs) => {
        const loop = new CrashLoop();
        for (const { livesMs, stampsPerMs, stepMs } of runs) {
          loop.physical.advanceMs(stepMs);
          loop.run(livesMs, stampsPerMs);
        }
      }),
      { numRuns: 40 },
    );
  });
});

describe("on disk", () => {
  it("two hundred quick starts leave the clock where one would", async () => {
    const dataDir = mkdtempSync(join(tmpdir(), "retroscope-ceiling-"));
    try {
      const physical = new ManualClock("2026-11-21T16:00:00Z");
      const around = { env: {}, pid: 1, script: "t", threadId: 0, isFork: false };
      const config = resolveConfig({ service: "s", node: "n1", dataDir }, around);
      const notices = new Notices(true, () => 0);
      const scheduler = new VirtualScheduler(1);
      let last = 0;
      let epoch = 0;
      for (let i = 0; i < 200; i += 1) {
        physical.advanceMs(40);
        const epochs = new Epochs(config, notices, false);
        const clock = new HlcClock(physical, { ...(epochs.ceiling && { above: epochs.ceiling }) });
        const first = epochs.first(clock);
        expect(first.epoch).toBeGreaterThan(epoch);
        epoch = first.epoch;
        const cancel = epochs.keepCeiling(() => epoch, clock, scheduler);
        const t = clock.now();
        expect(t).toBeGreaterThan(last);
        last = t;
        cancel();
      }
      expect((last - physical.now()) / TICKS_PER_MS).toBeLessThanOrEqual(3_000);

      // A goodbye hands on no lead at all.
      const epochs = new Epochs(config, notices, false);
      await epochs.writeLast(epoch, last as Hlc);
      expect(new Epochs(config, notices, false).ceiling).toBe(last);
    } finally {
      rmSync(dataDir, { recursive: true, force: true });
    }
  });
});
