/** Episodes (very short bottlenecks) as the page draws and tells them. */
import { type Hlc, TICKS_PER_MS } from "../../../agent/kernel/index.ts";
import type { EpisodeJson } from "../../../collector/api/bottleneck-shapes.ts";
import { ticksOf } from "../api/client.ts";
import { clampTicks } from "../scale/time-scale.ts";
import { clockText } from "../scale/time-words.ts";

export interface EpisodeFacts {
  /** The same for the same stall, however it was learnt of. */
  readonly id: string;
  /** Where it lies on a lane: by the stamps of the charged node, not by its raw clock. */
  readonly from: Hlc;
  /** Of an open one: how far it is known. */
  readonly to: Hlc;
  readonly isOpen: boolean;
  readonly json: EpisodeJson;
}

export function readEpisode(json: EpisodeJson): EpisodeFacts {
  const from = ticksOf(json.stamped.onset);
  const { end } = json.stamped;
  const to = end === null ? clampTicks(from + json.durationMs * TICKS_PER_MS) : ticksOf(end);
  return { id: json.id, from, to, isOpen: end === null, json };
}

/** `gc 92 ms`, `burst 200 ms`: as short as a mark has room for. */
export function causeLabel({ json }: EpisodeFacts): string {
  if (json.class === "burst") return `burst ${msText(json.durationMs)}`;
  const [first] = json.causes;
  if (first === undefined) return `? ${msText(json.durationMs)}`;
  return `${first.cause} ${msText(first.ms)}`;
}

/** `stock-1`, or `the way from cart-1 to stock-1`. */
export function placeText({ json }: EpisodeFacts): string {
  const { node, edge } = json.tier;
  return edge === undefined ? node : `the way from ${edge.from} to ${edge.to}`;
}

/** `Bottleneck on stock-1 at 16:00:00.123: gc 92 ms, run 14 ms, unexplained 4 ms of 110 ms`. */
export function episodeSentence(episode: EpisodeFacts): string {
  const { json, from } = episode;
  const what = json.class === "burst" ? "Burst of requests" : "Bottleneck";
  const parts = json.causes.map(({ cause, ms }) => `${cause} ${msText(ms)}`);
  const told = [...parts, `unexplained ${msText(json.unexplainedMs)}`].join(", ");
  const open = episode.isOpen ? ", still open" : "";
  return `${what} on ${placeText(episode)} at ${clockText(from)}: ${told} of ${msText(json.durationMs)}${open}`;
}

/** Whole milliseconds, and one digit more below ten. */
export function msText(ms: number): string {
  return `${ms < 10 && !Number.isInteger(ms) ? ms.toFixed(1) : Math.round(ms)} ms`;
}

/** What a cause means, for whoever meets it first. */
export function causeMeaning(cause: string): string {
  return MEANINGS[cause] ?? cause;
}

const MEANINGS: Readonly<Record<string, string>> = {
  run: "JavaScript held the event loop",
  gc: "garbage was collected",
  "run-queue": "ready to run, but no CPU was free",
  throttled: "held back by its CPU quota",
  "sync-io": "blocked on the disk",
  freeze: "the process or the machine was stopped",
  "libuv-pool": "the thread pool was busy",
  "async-io": "file operations were slow",
  pool: "waited for a connection pool",
  lock: "waited for a lock",
  downstream: "waited for something that is not recorded",
  network: "lost on the way, both ends being healthy",
};
