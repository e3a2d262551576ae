/**
 * Bisecting: between a cut that is good and a later one that is bad lies the change that made it so.
 * The proposal is the cut that has half of the remaining changes before it, whatever their times:
 *
 *     good                                      bad
 *      ┃ ●●●●●●●●●●●●● ●   ●     ●         ●     ┃
 *                    ▲ half of the changes, not half of the time
 *
 * Few changes are known one by one. Many are counted per bucket by `/api/timeline`; where one bucket
 * holds so many that no edge of it comes near the half, the bucket itself is asked for. So a million
 * changes need some 20 answers of the person, and each a handful of questions.
 */
import type { Hlc } from "../../../agent/kernel/index.ts";
import type { EventLineJson, TimelineJson } from "../../../collector/api/shapes.ts";
import { type ApiReader, hexOf } from "../api/client.ts";
import { isChangeLine } from "./change-lines.ts";
import { readTimeline, type TimelineFacts } from "./timeline-facts.ts";

export interface BisectQuestion {
  /** The state is good here, and bad there; `good` is the earlier. */
  readonly good: Hlc;
  readonly bad: Hlc;
  /** Only changes of this node count; null: all. */
  readonly node: string | null;
}

export interface BisectStep {
  /** Changes later than `good`, up to `bad`: as counted, so about right where they are very many. */
  readonly remaining: number;
  /** Where to look next; null where one time is left, or none. */
  readonly proposal: Hlc | null;
  /** The one time that is left: there the state turned bad. Null while there are more. */
  readonly turnAt: Hlc | null;
  /** The changes at that time, where they are not too many to be listed. */
  readonly turn: readonly EventLineJson[];
}

/** Buckets asked for. */
const PIXELS = 2_000;
/** A bucket is asked for by itself; each time it is thousands of times narrower. */
const MAX_ZOOMS = 6;
/** An edge between buckets is good enough where neither side keeps more than this. */
const FAIR_SHARE = 0.66;

/** @throws ApiFailure as the client does. */
export async function bisect(
  client: ApiReader,
  question: BisectQuestion,
  signal: AbortSignal,
): Promise<BisectStep> {
  let range = { from: (question.good + 1) as Hlc, to: question.bad };
  let before = 0;
  let remaining: number | null = null;
  let best: Choice | undefined;
  for (let zooms = 0; ; zooms += 1) {
    const facts = await countsIn(client, range, question.node, signal);
    const spots = spotsIn(facts, range);
    const [first] = spots;
    remaining ??= spots.reduce((sum, { count }) => sum + count, 0);
    if (first === undefined) break;
    const heavy = heaviest(spots);
    const isNarrow = facts.exact || heavy.from === heavy.to;
    const isOnly = spots.length === 1 && before === 0 && best === undefined;
    if (isOnly && isNarrow) {
      return { remaining, proposal: null, turnAt: first.from, turn: first.lines };
    }
    const choice = fairest(spots, before, remaining, question.bad);
    if (choice !== undefined && (best === undefined || choice.worse < best.worse)) best = choice;
    const isFair = best !== undefined && best.worse <= FAIR_SHARE * remaining;
    if (isFair || isNarrow || zooms >= MAX_ZOOMS) break;
    // Counted anew: a bucket at the edge of the range also counts what lies outside it.
    if (isOnly) remaining = null;
    before += countBefore(spots, heavy);
    range = { from: heavy.from, to: heavy.to };
  }
  return { remaining: remaining ?? 0, proposal: best?.at ?? null, turnAt: null, turn: [] };
}

async function countsIn(
  client: ApiReader,
  { from, to }: { readonly from: Hlc; readonly to: Hlc },
  node: string | null,
  signal: AbortSignal,
): Promise<TimelineFacts> {
  const query = { from: hexOf(from), to: hexOf(to), pixels: PIXELS, node: node ?? undefined };
  return readTimeline(await client.get<TimelineJson>("/api/timeline", query, signal));
}

/** Changes at one time, or in one bucket; `to` is its last tick. */
interface Spot {
  readonly from: Hlc;
  readonly to: Hlc;
  readonly count: number;
  readonly lines: readonly EventLineJson[];
}

/** Ascending; only what lies in the range. */
function spotsIn(facts: TimelineFacts, range: { from: Hlc; to: Hlc }): readonly Spot[] {
  const spots = new Map<number, { count: number; lines: EventLineJson[] }>();
  const add = (at: number, count: number, line?: EventLineJson) => {
    const spot = spots.get(at) ?? { count: 0, lines: [] };
    spot.count += count;
    if (line !== undefined) spot.lines.push(line);
    spots.set(at, spot);
  };
  for (const { exact, buckets } of facts.lanes.values()) {
    for (const { t, line } of exact?.changes ?? []) {
      if (isChangeLine(line) && t >= range.from && t <= range.to) add(t, 1, line);
    }
    if (exact !== null) continue;
    buckets.changes.forEach((count, i) => {
      const start = buckets.starts[i] as number;
      if (count > 0 && start + facts.bucketTicks > range.from && start <= range.to) {
        add(start, count);
      }
    });
  }
  const width = facts.exact ? 1 : facts.bucketTicks;
  return [...spots]
    .sort(([a], [b]) => a - b)
    .map(([start, { count, lines }]) => ({
      from: Math.max(start, range.from) as Hlc,
      to: Math.min(start + width - 1, range.to) as Hlc,
      count,
      lines,
    }));
}

interface Choice {
  readonly at: Hlc;
  /** Changes on the side that has more of them. */
  readonly worse: number;
}

/** The end of a spot that has about half of all changes at or before it; earlier than `bad`. */
function fairest(
  spots: readonly Spot[],
  before: number,
  remaining: number,
  bad: Hlc,
): Choice | undefined {
  let best: Choice | undefined;
  let left = before;
  for (const { to, count } of spots) {
    left += count;
    const worse = Math.max(left, remaining - left);
    const isInside = left < remaining && to < bad;
    if (isInside && (best === undefined || worse < best.worse)) best = { at: to, worse };
  }
  return best;
}

function heaviest(spots: readonly Spot[]): Spot {
  return spots.reduce((heavy, spot) => (spot.count > heavy.count ? spot : heavy));
}

function countBefore(spots: readonly Spot[], wanted: Spot): number {
  return spots.reduce((sum, { from, count }) => sum + (from < wanted.from ? count : 0), 0);
}
