/** Our episodes as detections: what `GET /api/bottlenecks` answered, and what `/api/live` told as it happened. */
import { TIERS, UNEXPLAINED } from "../faults.ts";
import { unixMsOfHlc } from "../questions.ts";
import type { Detection, EpisodeJson, LiveEpisode, RunFacts, Suspect } from "../recording.ts";

/** Asked when all was over. When each was first told is taken from the live events, where it was. */
export function askedDetections(
  episodes: readonly EpisodeJson[],
  live: readonly LiveEpisode[],
  run: RunFacts,
): Detection[] {
  const told = firstTold(live);
  return episodes.map((episode) => detectionOf(episode, told.get(episode.id) ?? null, run));
}

/** As told live: of each episode its last revision, known since its first. */
export function liveDetections(live: readonly LiveEpisode[], run: RunFacts): Detection[] {
  const told = firstTold(live);
  const last = new Map(live.map(({ episode }) => [episode.id, episode]));
  return [...last.values()].map((episode) =>
    detectionOf(episode, told.get(episode.id) ?? null, run),
  );
}

function firstTold(live: readonly LiveEpisode[]): Map<string, number> {
  const told = new Map<string, number>();
  for (const { receivedMs, episode } of live) {
    if (!told.has(episode.id)) told.set(episode.id, receivedMs);
  }
  return told;
}

function detectionOf(episode: EpisodeJson, knownMs: number | null, run: RunFacts): Detection {
  const startMs = unixMsOfHlc(episode.onset.hlc);
  const durationMs = episode.durationMs ?? 0;
  const endMs = episode.end ? unixMsOfHlc(episode.end.hlc) : startMs + durationMs;
  const { unexplainedMs } = episode;
  return {
    ...{ startMs, endMs, knownMs, class: episode.class === "burst" ? "burst" : "fault" },
    suspects: suspectsOf(episode, run),
    explained:
      unexplainedMs === undefined || durationMs <= 0
        ? null
        : Math.max(0, 1 - unexplainedMs / durationMs),
    // A merged stamp is as far ahead as the furthest clock it met, a raw one as far as its own.
    aheadMs: [...new Set([0, ...Object.values(run.skewMs)])],
  };
}

/**
 * Causes as ranked, each with the place that it is charged to, and what is left unexplained after them, or before
 * them where it is more than the first; then places that were candidates only.
 */
function suspectsOf(episode: EpisodeJson, run: RunFacts): Suspect[] {
  const { tier, causes = [], candidates = [], unexplainedMs = 0 } = episode;
  const place = (name: string | undefined): string | undefined => placeOf(name, run);
  const charged = place(tier?.service) ?? place(tier?.node) ?? place(tier?.edge?.from) ?? null;
  const explained = causes.map(({ cause, node }) => ({ tier: place(node) ?? charged, cause }));
  const rest = { tier: charged, cause: UNEXPLAINED };
  const isUnexplained = unexplainedMs > (causes[0]?.ms ?? 0);
  const others = candidates.map(({ service, node }) => ({
    tier: place(service) ?? place(node) ?? null,
    cause: null,
  }));
  return [...(isUnexplained ? [rest, ...explained] : [...explained, rest]), ...others];
}

/** Nodes are called by their service, what has no agent by its address. */
function placeOf(name: string | undefined, { peers }: RunFacts): string | undefined {
  if (name === undefined) return undefined;
  return TIERS.find((tier) => name === tier || name.startsWith(`${tier}-`)) ?? peers[name];
}
