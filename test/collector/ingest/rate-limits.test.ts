import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_REMEMBERED_RATES, RateLimits } from "../../../collector/ingest/rate-limits.ts";
import { aBatch, anIngest, joined } from "./support.ts";

const LIMIT = { bytesPerSecond: 1_000, burstBytes: 5_000, leastBytes: 10 };

describe("what a sender may send a second", () => {
  it("is its rate beside one burst, over any length of time, give or take a request", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 400 }), fc.integer({ min: 0, max: 3_000 })), {
          minLength: 1,
          maxLength: 200,
        }),
        (requests) => {
          let nowMs = 0;
          const rates = new RateLimits("node", LIMIT, () => nowMs);
          let taken = 0;
          for (const [pauseMs, bytes] of requests) {
            nowMs += pauseMs;
            try {
              rates.check("n1");
            } catch (error) {
              const { retryAfterMs } = (error as { details: { retryAfterMs: number } }).details;
              expect(retryAfterMs).toBeGreaterThan(0);
              // It is not told to come back too early, nor later than a body's worth.
              expect(retryAfterMs).toBeLessThanOrEqual(3_001);
              continue;
            }
            rates.pay("n1", bytes);
            taken += Math.max(LIMIT.leastBytes, bytes);
            const most = LIMIT.burstBytes + (nowMs / 1_000) * LIMIT.bytesPerSecond + 3_000;
            expect(taken).toBeLessThanOrEqual(most);
          }
        },
      ),
    );
  });

  it("is there again when it was told to come back", () => {
    let nowMs = 0;
    const rates = new RateLimits("address", LIMIT, () => nowMs);
    rates.pay("a", 9_000);
    let waitMs = 0;
    try {
      rates.check("a");
    } catch (error) {
      expect(error).toMatchObject({ code: "overloaded", retriable: true });
      waitMs = (error as { details: { retryAfterMs: number } }).details.retryAfterMs;
    }
    expect(waitMs).toBe(4_001);
    nowMs = waitMs;
    rates.check("a");
    rates.check("b");
  });

  it("is remembered of no more than a bound, and of nobody who has not sent for a while", () => {
    let nowMs = 0;
    const rates = new RateLimits("node", LIMIT, () => nowMs);
    for (let i = 0; i < MAX_REMEMBERED_RATES + 500; i += 1) rates.pay(`n${i}`, 100_000);
    expect(rates.size).toBe(MAX_REMEMBERED_RATES);
    nowMs = 1_000_000;
    rates.pay("last", 1);
    expect(rates.size).toBe(1);
  });
});

describe("ingest", () => {
  it("refuses a node that sends too much, with when to come back, and takes the others", async () => {
    const one = aBatch({ seqs: [1, 1] });
    const { ingest, store, timers } = anIngest({
      nodeRate: { bytesPerSecond: one.length, burstBytes: one.length, leastBytes: 1 },
    });
    await ingest.submit(one);
    const refused = expect.objectContaining({
      code: "overloaded",
      details: { reason: "rate-of-node", retryAfterMs: expect.any(Number) },
    });
    await expect(ingest.submit(aBatch({ seqs: [2, 2] }))).rejects.toEqual(refused);
    // With another it is refused as well, and the other has paid nothing.
    const other = aBatch({ seqs: [1, 1], node: "n2" });
    await expect(ingest.submit(joined(other, aBatch({ seqs: [2, 2] })))).rejects.toEqual(refused);
    await ingest.submit(other);
    expect(ingest.queuedBytes).toBe(0);
    timers.advance(2_000);
    await ingest.submit(aBatch({ seqs: [2, 2] }));
    expect(store.epochs().map(({ node, eventCount }) => [node, eventCount])).toEqual([
      ["n1", 2],
      ["n2", 1],
    ]);
    expect(ingest.counts.refusedCounts.get("overloaded")).toBe(2);
  });
});
