/** Latencies and very short bottlenecks: `/api/latency`, `/api/bottlenecks`. */
import { Router } from "express";
import { addMs, parseDurationMs, RetroError, TICKS_PER_MS } from "../../agent/kernel/index.ts";
import { type EpisodeActions, snapshotAt } from "../bottleneck/episode-actions.ts";
import type { Episode } from "../bottleneck/episode-shape.ts";
import type { EpisodeWatch } from "../bottleneck/episode-watch.ts";
import { LatencyMerge, streamsFor } from "../bottleneck/latency.ts";
import { MAX_CELLS_PER_DOUBLING } from "../bottleneck/latency-cells.ts";
import { diagnosePast } from "../bottleneck/past.ts";
import { usOf } from "../bottleneck/unix-us.ts";
import type { Captures } from "../ingest/captures.ts";
import { type Answering, closingOf } from "./answering.ts";
import { episodeJson, latencySeriesJson } from "./bottleneck-json.ts";
import type { BottlenecksJson, EpisodeJson, LatencyJson } from "./bottleneck-shapes.ts";
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
/** Of what is read for latencies, so much is in memory at a time. */
const SECONDS_PER_PIECE = 60;
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
  const { history, now, actions } = options;
  const router = Router();

  router.get("/api/latency", async (request, response) => {
    const asked = now();
    const accepted = ["from", "to", "window", "cells", "node", "service", "operation"];
    const params = new Params(request.originalUrl, accepted, asked);
    const windowMs = windowOf(params.text("window") ?? DEFAULT_WINDOW);
    const range = params.range({ from: addMs(asked, -DEFAULT_RANGE_MS), to: asked });
    refuseLong(range, Math.min(MAX_LATENCY_RANGE_MS, windowMs * MAX_WINDOWS));
    const operation = params.text("operation");
    const cells = cellsOf(params.text("cells"));
    const selection = params.selection();
    const closing = closingOf(response);
    const merge = new LatencyMerge({
      ...{ fromUs: usOf(range.from), untilUs: usOf(range.to), windowMs },
      ...(operation === undefined ? {} : { operations: new Set([operation]) }),
      ...(cells === undefined ? {} : { cellsPerDoubling: cells }),
    });
    const untilSecond = Math.max(0, Math.ceil(usOf(range.to) / 1e6));
    let next = Math.max(0, Math.floor(usOf(range.from) / 1e6));
    while (next < untilSecond) {
      const until = Math.min(untilSecond, next + SECONDS_PER_PIECE);
      const sides = await history.side(
        { fromSecond: next, untilSecond: until, selection, streams: streamsFor(windowMs) },
        closing,
      );
      await history.inTurns(merge.adding(sides), closing);
      next = until;
    }
    const { server, caller } = await history.inTurns(merge.summing(), closing);
    const missing = history.missing(range, selection);
    const answer: LatencyJson = {
      ...{ from: hJson(range.from), to: hJson(range.to), complete: missing.length === 0 },
      incomplete: missing.map(incompleteJson),
      server: latencySeriesJson(server),
      caller: latencySeriesJson(caller),
    };
    response.json(answer);
  });

  router.get("/api/bottlenecks", async (request, response) => {
    const asked = now();
    const params = new Params(request.originalUrl, ["from", "to", "minMs"], asked);
    const range = params.range({ from: addMs(asked, -DEFAULT_RANGE_MS), to: asked });
    refuseLong(range, MAX_SEARCH_MS);
    const minMs = params.integer("minMs", { min: 0, max: MAX_SEARCH_MS, otherwise: 0 });
    const closing = closingOf(response);
    const { episodes, isCutShort, isWatched } = await diagnosePast(
      history,
      { ...range, now: asked },
      closing,
    );
    const missing = history.missing(range);
    const shown = episodes.filter(({ durationMs }) => durationMs >= minMs);
    const told: EpisodeJson[] = [];
    for (const [index, episode] of shown.entries()) {
      const isJudged = index >= MAX_SNAPSHOTS_JUDGED || actions?.of(episode.id)?.complete != null;
      const complete = isJudged ? null : await isCompleteAt(history, episode, closing);
      told.push(toldEpisode(options, asRevised(options, episode), complete));
    }
    const answer: BottlenecksJson = {
      ...{ from: hJson(range.from), to: hJson(range.to) },
      complete: missing.length === 0 && !isCutShort,
      incomplete: missing.map(incompleteJson),
      ...(isCutShort ? { cutShort: true as const } : {}),
      ...(isWatched ? {} : { unwatched: true as const }),
      episodes: told,
    };
    response.json(answer);
  });

  return router;
}

/**
 * An episode with what it set off.
 * @param complete whether the cut at its onset is; null: nobody has looked, or whoever pinned it did
 */
export function toldEpisode(
  { actions, captures }: Pick<BottleneckRoutesOptions, "actions" | "captures">,
  episode: Episode,
  complete: boolean | null = null,
): EpisodeJson {
  const traces = actions?.of(episode.id);
  const captureId = traces?.captureId ?? undefined;
  const capture = captureId === undefined ? undefined : captures?.get(captureId);
  return episodeJson(episode, { traces, capture, complete });
}

/** Null: the moment lies before what is retained. */
async function isCompleteAt(
  history: Answering["history"],
  episode: Episode,
  signal: AbortSignal,
): Promise<boolean | null> {
  try {
    return (await history.cutInTurns(snapshotAt(episode), {}, signal)).complete;
  } catch (error) {
    if (error instanceof RetroError && error.code === "outside-retention") return null;
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

/** Undefined: buckets as they are. */
function cellsOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const cells = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  const isPower = cells > 0 && Number.isInteger(Math.log2(cells));
  if (isPower && cells <= MAX_CELLS_PER_DOUBLING) return cells;
  const given = JSON.stringify(text.slice(0, 80));
  throw new RetroError("bad-parameter", `cells cannot be ${given}`, {
    hint: `Use 1, 2, 4, up to ${MAX_CELLS_PER_DOUBLING} cells for a doubling of latency: cells=8.`,
  });
}

function refuseLong({ from, to }: TimeRange, mostMs: number): void {
  if (to - from <= mostMs * TICKS_PER_MS) return;
  throw new RetroError("bad-parameter", `the range is longer than ${mostMs} ms`, {
    hint: "Ask for a shorter range, or for longer windows.",
  });
}
