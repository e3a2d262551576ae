/** Episodes in words: when, where, why, and what it cost. */
import type { BottlenecksJson, EpisodeJson } from "../api/bottleneck-shapes.ts";
import { counted, plain } from "./text.ts";

const CAUSES_SHOWN = 5;

/** For those who have not asked for it yet. */
export const HOW_TO_WATCH =
  "no agent here times its requests. Start it with `startAgent({ requests: true, ... })`.\n";

export function bottlenecksText({
  episodes,
  complete,
  incomplete,
  cutShort,
  unwatched,
}: BottlenecksJson): string {
  const parts = episodes.map(episodeText);
  if (episodes.length === 0) parts.push("No short bottleneck found in this range.\n");
  else parts.push(`${counted(episodes.length, "episode")}.\n`);
  if (unwatched === true) parts.push(`Nobody looked out for any: ${HOW_TO_WATCH}`);
  if (cutShort === true) {
    parts.push("More requests lie in this range than are read: ask for less of it at a time.\n");
  }
  if (!complete && incomplete.length > 0) {
    parts.push(
      `Incomplete: ${counted(incomplete.length, "reason")}; see \`retroscope explain\`.\n`,
    );
  }
  return parts.join("");
}

function episodeText(episode: EpisodeJson): string {
  const { onset, tier, durationMs, drainMs, severity, status, unexplainedMs } = episode;
  const where =
    tier.edge === undefined
      ? `${tier.service} (${tier.node})`
      : `the way from ${tier.edge.from} to ${tier.edge.to}`;
  const kind = episode.class === "burst" ? "burst of requests, " : "";
  const drain = drainMs > 0 ? `, then ${drainMs} ms to drain` : "";
  const lines = [
    `${onset.time}  ${kind}${durationMs} ms at ${where}${drain}${status === "open" ? ", still open" : ""}`,
    `  ${causesText(episode)}, unexplained ${unexplainedMs} ms`,
    `  cost ${severity.requestMs} request-ms, ${counted(severity.requests, "request")} slower than usual, worst ${severity.worstMs} ms`,
  ];
  const evidence = episode.causes[0]?.evidence ?? [];
  if (evidence.length > 0) lines.push(`  evidence: ${evidence.join("; ")}`);
  const [first] = episode.path;
  if (first !== undefined) {
    lines.push(`  path: ${[first.from, ...episode.path.map(({ to }) => to)].join(" -> ")}`);
  }
  const { at, complete, pinned } = episode.snapshot;
  const kept = pinned ? ", pinned" : "";
  const known = complete === null ? "" : complete ? ", complete" : ", incomplete";
  lines.push(`  state just before: retroscope snapshot --at ${at.hlc}${known}${kept}`);
  return `${lines.map(plain).join("\n")}\n`;
}

function causesText({ causes }: EpisodeJson): string {
  if (causes.length === 0) return "no cause known";
  const shown = causes.slice(0, CAUSES_SHOWN);
  return shown.map(({ cause, ms }) => `${cause} ${ms} ms`).join(", ");
}
