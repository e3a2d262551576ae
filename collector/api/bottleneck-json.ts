/** Latencies and episodes as JSON. */

import { type EpisodeTraces, snapshotAt } from "../bottleneck/episode-actions.ts";
import type { Episode, EpisodeTier } from "../bottleneck/episode-shape.ts";
import type { LatencySeries, LatencyWindow } from "../bottleneck/latency-shapes.ts";
import { hlcOfUs } from "../bottleneck/unix-us.ts";
import { type Capture, stateOf } from "../ingest/capture-record.ts";
import type {
  EpisodeJson,
  EpisodeTierJson,
  LatencySeriesJson,
  LatencyWindowJson,
} from "./bottleneck-shapes.ts";
import { hJson } from "./time-json.ts";

export function latencySeriesJson({
  side,
  windowMs,
  windows,
  total,
}: LatencySeries): LatencySeriesJson {
  return {
    side,
    windowMs,
    windows: windows.map((window) => ({
      start: hJson(hlcOfUs(window.startUs)),
      ...windowJson(window),
    })),
    total: windowJson(total),
  };
}

function windowJson({
  count,
  maxUs,
  percentiles,
  buckets,
}: Omit<LatencyWindow, "startUs">): LatencyWindowJson {
  return { count, maxUs, ...percentiles, buckets };
}

/** What became of an episode; absent: it was found by a question, and nothing was set off. */
export interface EpisodeAftermath {
  readonly traces?: EpisodeTraces | undefined;
  readonly capture?: Capture | undefined;
  /** Whether the cut at the snapshot's time is complete; null: nobody has looked. */
  readonly complete: boolean | null;
}

export function episodeJson(
  episode: Episode,
  { traces, capture, complete }: EpisodeAftermath,
): EpisodeJson {
  const { skew, severity } = episode;
  return {
    id: episode.id,
    status: episode.status,
    revision: episode.revision,
    class: episode.class,
    onset: hJson(hlcOfUs(episode.onsetUs)),
    end: episode.status === "open" ? null : hJson(hlcOfUs(episode.endUs)),
    stamped: {
      onset: hJson(hlcOfUs(episode.onsetUs + episode.leadUs)),
      end: episode.status === "open" ? null : hJson(hlcOfUs(episode.endUs + episode.leadUs)),
    },
    durationMs: rounded(episode.durationMs),
    drainMs: rounded(episode.drainMs),
    tier: tierJson(episode.tier),
    severity: {
      requestMs: rounded(severity.requestMs),
      requests: severity.requests,
      worstMs: rounded(severity.worstMs),
    },
    triggers: episode.triggers.map((trigger) => ({
      ...trigger,
      windowMs: rounded(trigger.windowMs),
      value: rounded(trigger.value),
      median: rounded(trigger.median),
      score: rounded(trigger.score),
    })),
    causes: episode.causes.map((cause) => ({
      ...cause,
      ms: rounded(cause.ms),
      share: rounded(cause.share),
      score: rounded(cause.score),
    })),
    unexplainedMs: rounded(episode.unexplainedMs),
    candidates: episode.candidates.map(({ z, excessRequestMs, ...tier }) => ({
      ...tierJson(tier),
      z: rounded(z),
      excessRequestMs: rounded(excessRequestMs),
    })),
    path: episode.path.map((hop) => ({ ...hop, requestMs: rounded(hop.requestMs) })),
    skew: {
      boundMs: skew.boundMs === null ? null : rounded(skew.boundMs),
      orderUsed: skew.orderUsed,
      adjustedOnset: hJson(hlcOfUs(episode.adjustedOnsetUs)),
      reference: skew.reference,
    },
    signals: episode.signals,
    snapshot: {
      at: hJson(traces?.at ?? snapshotAt(episode)),
      complete: traces?.complete ?? complete,
      pinned: traces?.pin === "pinned",
    },
    capture: captureJson(traces?.captureId ?? null, capture),
  };
}

function tierJson({ service, node, edge }: EpisodeTier): EpisodeTierJson {
  return edge === undefined ? { service, node } : { service, node, edge };
}

/** Nodes that no longer held all of it are missing. */
function captureJson(id: string | null, capture: Capture | undefined): EpisodeJson["capture"] {
  if (id === null) return null;
  if (capture === undefined) return { id, state: "gone", missing: [] };
  const missing = capture.nodes
    .filter(({ state }) => state === "partial" || state === "outside-window" || state === "silent")
    .map(({ node }) => node);
  return { id, state: stateOf(capture), missing };
}

/** Two digits after the point: what is finer is noise. */
function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
