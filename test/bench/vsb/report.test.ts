import { describe, expect, it } from "vitest";
import { formatHlc, type Hlc } from "../../../agent/kernel/index.ts";
import { rowOf } from "../figure.ts";
import type { EpisodeJson, Recording } from "./recording.ts";
import { asides, byFault, figuresOf, sideBySide } from "./report.ts";
import { roundOf, scoredAll } from "./score/detectors.ts";
import { syntheticRecording } from "./synthetic.ts";

/** Synthetic recordings begin at 0; stamps cannot be so old. */
const START_MS = Date.UTC(2026, 0, 1);
const hlcOf = (ms: number): string => formatHlc(((ms - Date.UTC(2020, 0, 1)) * 4_096) as Hlc);

const blocks = [14_000, 18_000, 22_000, 26_000].map((startMs, i) => ({
  ...{ tier: (["store", "service", "gateway", "store"] as const)[i] ?? "store", startMs },
  endMs: startMs + 200,
}));

/** Ours found all but the last, and blamed the network for the third. */
function answered(): Recording {
  const base = syntheticRecording({ blocks });
  const episodes = blocks.slice(0, 3).map(({ tier, startMs, endMs }, i): EpisodeJson => {
    const at = { hlc: hlcOf(startMs + START_MS + 3), time: "" };
    const end = { hlc: hlcOf(endMs + START_MS), time: "" };
    const cause = i === 2 ? "network" : "run";
    return {
      ...{ id: `ep-${i}`, class: "fault", onset: at, end, durationMs: 197, unexplainedMs: 19.7 },
      tier: { service: tier, node: `${tier}-1` },
      causes: [{ cause, node: `${tier}-1`, ms: 177.3 }],
    };
  });
  const shift = (column: Float64Array): Float64Array => column.map((ms) => ms + START_MS);
  const moved = <T extends { startMs: number; endMs: number }>(span: T): T => ({
    ...span,
    ...{ startMs: span.startMs + START_MS, endMs: span.endMs + START_MS },
  });
  return {
    ...base,
    run: {
      ...moved(base.run),
      sections: base.run.sections.map(({ kind, fromMs, toMs }) => ({
        ...{ kind, fromMs: fromMs + START_MS, toMs: toMs + START_MS },
      })),
    },
    truths: base.truths.map((truth) => ({ ...moved(truth), parts: truth.parts.map(moved) })),
    clients: {
      intendedMs: shift(base.clients.intendedMs),
      ...{ sentMs: shift(base.clients.sentMs), doneMs: shift(base.clients.doneMs) },
      ...{ ok: base.clients.ok, route: base.clients.route },
    },
    tiers: new Map(
      [...base.tiers].map(([tier, { arrivedMs, departedMs }]) => [
        tier,
        { arrivedMs: shift(arrivedMs), departedMs: shift(departedMs) },
      ]),
    ),
    hosts: new Map([...base.hosts].map(([tier, log]) => [tier, { ...log, atMs: shift(log.atMs) }])),
    episodes,
    live: episodes.map((episode, i) => ({
      ...{ receivedMs: (blocks[i]?.startMs ?? 0) + START_MS + 150, episode },
    })),
    snapshots: [
      ...[1, 2].map((value) => ({
        ...{ episode: "ep-0", tier: "store" as const, complete: true, value, expected: 2 },
      })),
    ],
  };
}

describe("the report", () => {
  const rounds = [roundOf(answered())];
  const scored = scoredAll(rounds);
  const rows = figuresOf(scored, rounds).map((each) => rowOf("vsb", each));
  const figure = (metric: string): number | undefined =>
    rows.find((row) => row.metric.startsWith(metric))?.value;

  it("gives each figure of R6, worked out by hand", () => {
    expect(figure("recall, >= 50 ms")).toBeCloseTo(3 / 4);
    expect(figure("precision, >= 50 ms")).toBe(1);
    expect(figure("tier and cause, first")).toBeCloseTo(2 / 3);
    expect(figure("tier, first")).toBe(1);
    expect(figure("loop block charged")).toBeCloseTo(2 / 3);
    expect(figure("time to detect, live")).toBeCloseTo(150);
    expect(figure("explained share")).toBeCloseTo(0.9);
    expect(figure("false alarms")).toBe(0);
    expect(figure("snapshots at onset")).toBe(0.5);
  });

  it("says what was missed, against the goals of the size", () => {
    const judged = rows.filter(({ met }) => met !== null).map(({ metric, met }) => [metric, met]);
    expect(
      Object.fromEntries(judged.map(([metric, met]) => [String(metric).split(" [")[0], met])),
    ).toEqual({
      "recall, >= 50 ms": false,
      "precision, >= 50 ms": true,
      "tier and cause, first": false,
      "loop block charged to its process": false,
      "false alarms per clean hour": true,
      "snapshots at onset that are right": false,
    });
  });

  it("has a line for ours and for every rival, and a column for each of them by fault", () => {
    const lines = sideBySide(scored).split("\n");
    expect(lines).toHaveLength(1 + 2 + 6);
    expect(lines[1]).toMatch(/^retroscope +75%/);
    expect(byFault(scored)).toMatch(/loop-block 200 +4 +75\/100\/66\.7/);
    expect(asides(scored[0] as (typeof scored)[number])).toContain("0 contaminated");
  });

  it("has no figure of a collector that does not answer", () => {
    const { episodes: _episodes, ...rest } = answered();
    const silent = [roundOf({ ...rest, episodes: undefined })];
    expect(figuresOf(scoredAll(silent), silent)).toEqual([]);
  });
});
