/** Latencies and episodes as the command line prints them. */
import { describe, expect, it } from "vitest";
import type {
  BottlenecksJson,
  EpisodeJson,
  LatencyJson,
  LatencyWindowJson,
} from "../../../collector/api/bottleneck-shapes.ts";
import { bottlenecksText } from "../../../collector/cli/show-bottlenecks.ts";
import { latencyText } from "../../../collector/cli/show-latency.ts";

const H = { hlc: "01a1fed600000000", time: "2026-11-21T16:00:00.000000Z" };
const KNOWN = { from: H, to: H, complete: true, incomplete: [] };

const EPISODE: EpisodeJson = {
  id: "ep-1",
  status: "closed",
  revision: 1,
  class: "fault",
  onset: H,
  end: H,
  stamped: { onset: H, end: H },
  durationMs: 110,
  drainMs: 35,
  tier: { service: "stock", node: "stock-1" },
  severity: { requestMs: 2140, requests: 31, worstMs: 141 },
  triggers: [],
  causes: [
    { cause: "gc", node: "stock-1", ms: 92, share: 0.84, score: 3.1, evidence: ["GC for 92 ms"] },
    { cause: "run", node: "stock-1", ms: 14, share: 0.13, score: 0.4, evidence: [] },
  ],
  unexplainedMs: 4,
  candidates: [],
  path: [{ from: "gateway", to: "stock", kind: "downstream", requestMs: 2010 }],
  skew: { boundMs: 6, orderUsed: true, adjustedOnset: H, reference: "gateway-1" },
  signals: { unavailable: [] },
  snapshot: { at: H, complete: true, pinned: true },
  capture: null,
};

const answer = (episodes: readonly EpisodeJson[]): BottlenecksJson => ({ ...KNOWN, episodes });

describe("episodes in words", () => {
  it("say when, where, why with the unexplained rest, what it cost, and how to see the state", () => {
    expect(bottlenecksText(answer([EPISODE]))).toBe(
      [
        "2026-11-21T16:00:00.000000Z  110 ms at stock (stock-1), then 35 ms to drain",
        "  gc 92 ms, run 14 ms, unexplained 4 ms",
        "  cost 2140 request-ms, 31 requests slower than usual, worst 141 ms",
        "  evidence: GC for 92 ms",
        "  path: gateway -> stock",
        "  state just before: retroscope snapshot --at 01a1fed600000000, complete, pinned",
        "1 episode.",
        "",
      ].join("\n"),
    );
  });

  it("name a way between two nodes, a burst, and one that goes on", () => {
    const edge = { from: "gateway-1", to: "stock-1" };
    const tier = { ...EPISODE.tier, edge };
    const open: EpisodeJson = {
      ...EPISODE,
      status: "open",
      class: "burst",
      end: null,
      drainMs: 0,
      tier,
    };
    const [first] = bottlenecksText(answer([open])).split("\n");
    expect(first).toBe(
      "2026-11-21T16:00:00.000000Z  burst of requests, 110 ms at the way from gateway-1 to stock-1, still open",
    );
  });

  it("let no name of a service move the cursor", () => {
    const tier = { service: "\u001b[2Jevil", node: "n1" };
    expect(bottlenecksText(answer([{ ...EPISODE, tier }]))).not.toContain("\u001b");
  });

  it("say where there is none", () => {
    expect(bottlenecksText(answer([]))).toBe("No short bottleneck found in this range.\n");
  });

  it("say where nobody looked out for any, and what to do", () => {
    const text = bottlenecksText({ ...answer([]), unwatched: true });
    expect(text).toMatch(/^No short bottleneck found.*\nNobody looked .*requests: true/);
  });
});

describe("latencies in words", () => {
  it("give no percentiles of few requests", () => {
    const few: LatencyWindowJson = {
      ...{ count: 12, maxUs: 4_500, buckets: [] },
      ...{ p50Us: 800, p90Us: null, p95Us: null, p99Us: null, p999Us: null },
    };
    const most = { p50Us: 900, p90Us: 1_500, p95Us: 2_000, p99Us: 3_000, p999Us: 4_000 };
    const many = { ...few, ...most, count: 500 };
    const windows = [
      { start: H, ...few },
      { start: H, ...many },
    ];
    const server = { side: "server" as const, windowMs: 50, windows, total: many };
    const caller = {
      side: "caller" as const,
      windowMs: 1_000,
      windows: [],
      total: { ...few, count: 0 },
    };
    const latency: LatencyJson = { ...KNOWN, server, caller };
    const lines = latencyText(latency).split("\n");
    expect(lines[2]).toMatch(/ 12 +0\.80 +- +- +- +- +4\.50$/);
    expect(lines[3]).toMatch(/ 500 +0\.90 +1\.50 +2\.00 +3\.00 +4\.00 +4\.50$/);
    expect(lines.at(-2)).toContain("too few requests for that percentile");
    expect(lines.join("\n")).not.toContain("callers saw");
  });
});
