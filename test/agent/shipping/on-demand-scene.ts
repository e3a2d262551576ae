/** An on-demand node over a collector that captures, and what it ships held against its own past. */
import { expect } from "vitest";
import type { Agent } from "../../../agent/agent.ts";
import type { Settings } from "../../../agent/config.ts";
import { type CaptureReport, type Hlc, parseHlc } from "../../../agent/kernel/index.ts";
import { CaptureCollector } from "../../support/capture-collector.ts";
import { sortedLogs, type VirtualAgent, virtualAgent } from "../../support/virtual-agent.ts";

const STEP_MS = 25;

/** In virtual time; `closeAgents` ends it. */
export function onDemand(settings: Settings = {}, seed = 1): VirtualAgent<CaptureCollector> {
  return virtualAgent(
    (scheduler) => new CaptureCollector(scheduler),
    seed,
    { stream: "on-demand", ...settings },
    STEP_MS,
  );
}

export function expectBooksToClose(agent: Agent): void {
  const { recorded, acknowledged, dropped, queued, kept } = agent.stats();
  expect(acknowledged + dropped + queued + kept).toBe(recorded);
}

/** The state after each call that recorded something, by its stamp; in order. */
export type Past = (readonly [t: Hlc, state: string])[];

export function note(agent: Agent, past: Past, t: Hlc): void {
  past.push([t, JSON.stringify(sortedLogs(agent.snapshot().logs))]);
}

/** The naive state at `t`: that after the last call at or before it. */
export function stateIn(past: Past, t: Hlc): string {
  return past.findLast(([at]) => at <= t)?.[1] ?? "[]";
}

export function timesOf(report: CaptureReport): readonly [Hlc, Hlc] {
  return [parseHlc(report.from ?? ""), parseHlc(report.to ?? "")] as [Hlc, Hlc];
}

/** Where two states differ, in short. */
function differences(found: string, naive: string): string[] {
  const flat = (text: string) =>
    (JSON.parse(text) as [string, [string, string][]][]).flatMap(([log, variables]) =>
      variables.map(([key, value]) => `${log}/${key} = ${value.slice(0, 20)} (${value.length})`),
    );
  const [a, b] = [flat(found), flat(naive)];
  return [
    ...a.filter((line) => !b.includes(line)).map((line) => `shipped: ${line}`),
    ...b.filter((line) => !a.includes(line)).map((line) => `was: ${line}`),
  ];
}

/** What was shipped for a capture is the past, and all of it, at every moment of it. */
export function expectThePast(
  collector: CaptureCollector,
  epoch: number,
  past: Past,
  [from, to]: readonly [Hlc, Hlc],
): void {
  const replay = collector.epoch(epoch);
  const events = [...replay.events.values()];
  const moments = [from, ...past.map(([t]) => t).filter((t) => t > from && t < to), to];
  const step = Math.max(1, Math.floor(moments.length / 12));
  for (const t of moments.filter((_, i) => i % step === 0 || i === moments.length - 1)) {
    const lastSeq = Math.max(0, ...events.filter((event) => event.t <= t).map(({ seq }) => seq));
    const state = replay.stateAt(lastSeq);
    const naive = stateIn(past, t);
    expect(differences(JSON.stringify(sortedLogs(state.logs)), naive)).toEqual([]);
    for (const [log, variables] of JSON.parse(naive) as [string, [string, string][]][]) {
      for (const [key] of variables) expect([log, key, state.isKnown(log, key)][2]).toBe(true);
    }
  }
}
