/** Latencies and very short bottlenecks: `/api/latency`, `/api/bottlenecks`. */
import { Router } from "express";
import { addMs, parseDurationMs, RetroError, TICKS_PER_MS } from "../../agent/kernel/index.ts";
import { type EpisodeActions, snapshotAt } from "../bottleneck/episode-actions.ts";
import type { Episode } from "../bottleneck/episode-shape.ts";
import type { EpisodeWatch } from "../bottleneck/episode-watch.ts";
import { latencySeries, streamsFor } from "../bottleneck/latency.ts";
import { diagnosePast, usOf } from "../bottleneck/past.ts";
import type { Captures } from "../ingest/captures.ts";
import { type Answering, closingOf } from "./answering.ts";
import { episodeJson, latencySeriesJson } from "./bottleneck-json.ts";
import type { BottlenecksJson, LatencyJson } from "./bottleneck-shapes.ts";
import { Params, type TimeRange } from "./params.ts";
import { hJson } from "./time-json.ts";
import { incompleteJson } from "./to-json.ts";

/** Windows of one answer, at most. */
export const MAX_WINDOWS = 10_000;
/** The finest window and the widest. */
export const MIN_WINDOW_MS = 10;
export const MAX_WINDOW_MS = 3_600_000;
const DEFAULT_WINDOW = "1s";
/** A range of which latencies are asked for; of seconds fewer are read. */
export const MAX_LATENCY_RANGE_MS: number = 24 * 3_600_000;
/** A range that is searched for episodes. */
export const MAX_SEARCH_MS = 3_600_000;
const DEFAULT_RANGE_MS = 60_000;
/** Cuts looked at in one answer, to say whether a snapshot is complete. */
const MAX_SNAPSHOTS_JUDGED = 50;

export interface BottleneckRoutesOptions extends Answering {
  /** Without them nothing live is known. */
  readonly watch?: EpisodeWatch;
  readonly actions?: EpisodeActions;
  readonly captures?: Captures;
}

export function bottleneckRoutes(options: BottleneckRoutesOptions): Router {
  const { history, now } = options;
  const router = Router();

  router.get("/api/latency", async (request, response) => {
    const asked = now();
    const accepted = ["from", "to", "window", "node", "service", "operation"];
    const params = new Params(request.originalUrl, accepted, asked);
    const windowMs = windowOf(params.text("window") ?? DEFAULT_WINDOW);
    const range = params.range({ from: addMs(asked, -DEFAULT_RANGE_MS), to: asked });
    refuseLong(range, Math.min(MAX_LATENCY_RANGE_MS, windowMs * MAX_WINDOWS));
    const operation = params.text("operation");
    const selection = params.selection();
    const sides = await history.side(
      {
        fromSecond: Math.max(0, Math.floor(usOf(range.from) / 1e6)),
        untilSecond: Math.max(0, Math.ceil(usOf(range.to) / 1e6)),
        selection,
        streams: streamsFor(windowMs),
      },
      closingOf(response),
    );
    const [server, caller] = latencySeries(sides, {
      ...{ fromUs: usOf(range.from), untilUs: usOf(range.to), windowMs },
      ...(operation === undefined ? {} : { operations: new Set([operation]) }),
    }).map(latencySeriesJson);
    if (server === undefined || caller === undefined) return;
    const missing = history.missing(range, selection);
    const answer: LatencyJson = {
      ...{ from: hJson(range.from), to: hJson(range.to), complete: missing.length === 0 },
      incomplete: missing.map(incompleteJson),
      server,
      caller,
    };
    response.json(answer);
  });

  router.get("/api/bottlenecks", async (request, response) => {
    const asked = now();
    const params = new Params(request.originalUrl, ["from", "to", "minMs"], asked);
    const range = params.range({ from: addMs(asked, -DEFAULT_RANGE_MS), to: asked });
    refuseLong(range, MAX_SEARCH_MS);
    const minMs = params.integer("minMs", { min: 0, max: MAX_SEARCH_MS, otherwise: 0 });
    const { episodes, isCutShort } = await diagnosePast(history, range, closingOf(response));
    const missing = history.missing(range);
    const shown = episodes.filter(({ durationMs }) => durationMs >= minMs);
    const answer: BottlenecksJson = {
      ...{ from: hJson(range.from), to: hJson(range.to) },
      complete: missing.length === 0 && !isCutShort,
      incomplete: missing.map(incompleteJson),
      ...(isCutShort ? { cutShort: true as const } : {}),
      episodes: shown.map((one, index) => {
        const mayJudge = index < MAX_SNAPSHOTS_JUDGED;
        return toldEpisode(options, asRevised(options, one), mayJudge);
      }),
    };
    response.json(answer);
  });

  return router;
}

/** An episode with what it set off. `mayJudge`: whether the cut at its onset may be looked at. */
export function toldEpisode(
  { history, actions, captures }: BottleneckRoutesOptions,
  episode: Episode,
  mayJudge: boolean,
): ReturnType<typeof episodeJson> {
  const traces = actions?.of(episode.id);
  const captureId = traces?.captureId ?? undefined;
  const capture = captureId === undefined ? undefined : captures?.get(captureId);
  const isJudged = traces?.complete !== undefined && traces.complete !== null;
  const complete = mayJudge && !isJudged ? isCompleteAt(history, episode) : null;
  return episodeJson(episode, { traces, capture, complete });
}

/** Null: the moment lies before what is retained. */
function isCompleteAt(history: Answering["history"], episode: Episode): boolean | null {
  try {
    return history.cutAt(snapshotAt(episode)).complete;
  } catch (error) {
    if (error instanceof RetroError) return null;
    throw error;
  }
}

/** One that was told live and looks different now was revised by what came late. */
function asRevised({ watch }: BottleneckRoutesOptions, episode: Episode): Episode {
  const told = watch?.episodes.find(({ id }) => id === episode.id);
  if (told === undefined || told.status === "open" || episode.status === "open") return episode;
  const isSame =
    told.tier.node === episode.tier.node && Math.abs(told.durationMs - episode.durationMs) < 1;
  return {
    ...episode,
    status: isSame ? told.status : "revised",
    revision: isSame ? told.revision : told.revision + 1,
  };
}

function windowOf(text: string): number {
  const windowMs = parseDurationMs(text);
  const grain = windowMs >= 1_000 ? 1_000 : MIN_WINDOW_MS;
  if (windowMs >= MIN_WINDOW_MS && windowMs <= MAX_WINDOW_MS && windowMs % grain === 0) {
    return windowMs;
  }
  const given = JSON.stringify(text.slice(0, 80));
  throw new RetroError("bad-parameter", `window cannot be ${given}`, {
    hint: "Use a multiple of 10ms up to 1s, or of 1s up to 1h: window=50ms.",
  });
}

function refuseLong({ from, to }: TimeRange, mostMs: number): void {
  if (to - from <= mostMs * TICKS_PER_MS) return;
  throw new RetroError("bad-parameter", `the range is longer than ${mostMs} ms`, {
    hint: "Ask for a shorter range, or for longer windows.",
  });
}
