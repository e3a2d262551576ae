/** What the collector is asked when a run is over: its episodes, and the snapshots that they point at. */
import { setTimeout as sleep } from "node:timers/promises";
import { TIERS, type Tier } from "./faults.ts";
import type { EpisodeJson, SnapshotCheck } from "./recording.ts";
import { countUpTo } from "./sorted.ts";

const ANSWER_MS = 120_000;
/** Snapshots checked of a run, spread over its episodes. */
const MAX_SNAPSHOTS = 40;
/** What is asked at a time, and what lies around it: no episode of ours lasts longer. */
const PIECE_MS = 60_000;
/** A busy machine does not get through so much within a question's time: then less is asked at a time, to this. */
const LEAST_PIECE_MS = 7_500;
const MARGIN_MS = 3_000;
/** What was shipped last is stored by then. */
const SETTLE_MS = 2_000;

/**
 * Asked in pieces, as a long range holds more requests than one answer reads. A piece is asked with a margin and
 * answers for what begins in it.
 * @returns undefined where this collector does not answer the question
 */
export async function episodesOf(
  url: string,
  fromMs: number,
  toMs: number,
): Promise<readonly EpisodeJson[] | undefined> {
  await sleep(SETTLE_MS);
  const episodes: EpisodeJson[] = [];
  let pieceMs = PIECE_MS;
  for (let from = fromMs; from < toMs; ) {
    const until = Math.min(toMs, from + pieceMs);
    const found = await askedPiece(url, from - MARGIN_MS, until + MARGIN_MS);
    if (found === undefined) return undefined;
    if (found === "too-much" && pieceMs > LEAST_PIECE_MS) {
      pieceMs /= 2;
      continue;
    }
    if (found === "too-much") throw new Error(`no answer within a question's time, from ${from}`);
    const isOwn = (ms: number): boolean =>
      (ms >= from || from === fromMs) && (ms < until || until === toMs);
    episodes.push(...found.filter(({ onset }) => isOwn(unixMsOfHlc(onset.hlc))));
    from = until;
  }
  return episodes;
}

async function askedPiece(
  url: string,
  fromMs: number,
  toMs: number,
): Promise<readonly EpisodeJson[] | "too-much" | undefined> {
  const question = `/api/bottlenecks?from=${Math.floor(fromMs)}&to=${Math.ceil(toMs)}`;
  const response = await fetch(`${url}${question}`, { signal: AbortSignal.timeout(ANSWER_MS) });
  if (response.status === 404) return undefined;
  if (response.status === 504) return "too-much";
  const body = (await response.json()) as {
    readonly episodes?: EpisodeJson[];
    readonly cutShort?: true;
    readonly error?: unknown;
  };
  if (response.status !== 200 || body.episodes === undefined || body.cutShort === true) {
    const why = body.cutShort ? "cut short" : JSON.stringify(body.error);
    throw new Error(`${question}: ${response.status} ${why}`);
  }
  return body.episodes;
}

/**
 * Compares `progress/handled` of every tier in the snapshots of some episodes with the tiers' own journals.
 * @param stamps of each tier's changes, rising; the i-th change set the value i + 1
 */
export async function checkedSnapshots(
  url: string,
  episodes: readonly EpisodeJson[],
  stamps: ReadonlyMap<Tier, Float64Array>,
): Promise<SnapshotCheck[]> {
  const asked = episodes.filter(({ snapshot }) => snapshot?.at?.hlc !== undefined);
  const step = Math.max(1, Math.ceil(asked.length / MAX_SNAPSHOTS));
  const checks: SnapshotCheck[] = [];
  for (const episode of asked.filter((_, index) => index % step === 0)) {
    const hlc = episode.snapshot?.at.hlc ?? "";
    const response = await fetch(`${url}/api/cut?at=${hlc}&log=progress`, {
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    const cut = (await response.json()) as CutJson;
    for (const tier of TIERS) {
      const value = cut.nodes?.[`${tier}-1`]?.logs?.["progress"]?.["handled"];
      checks.push({
        ...{ episode: episode.id, tier, complete: cut.complete === true },
        value: typeof value === "number" ? value : null,
        expected: countUpTo(stamps.get(tier) ?? new Float64Array(0), ticksOfHlc(hlc)),
      });
    }
  }
  return checks;
}

interface CutJson {
  readonly complete?: boolean;
  readonly nodes?: Readonly<
    Record<string, { readonly logs?: Readonly<Record<string, Readonly<Record<string, unknown>>>> }>
  >;
}

const TICK_ZERO_UNIX_MS = Date.UTC(2020, 0, 1);
const TICKS_PER_MS = 4_096;

/** The text form is 48 bits of Unix ms, then 16 bits whose upper 12 are ticks of 1/4096 ms. */
export function ticksOfHlc(hlc: string): number {
  const ms = Number.parseInt(hlc.slice(0, 12), 16);
  return (ms - TICK_ZERO_UNIX_MS) * TICKS_PER_MS + (Number.parseInt(hlc.slice(12), 16) >> 4);
}

export function unixMsOfHlc(hlc: string): number {
  return TICK_ZERO_UNIX_MS + ticksOfHlc(hlc) / TICKS_PER_MS;
}
