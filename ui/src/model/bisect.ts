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
import { type ApiReader, hexOf, ticksOf } from "../api/client.ts";
import { isChangeLine } from "./change-lines.ts";

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
/** Of a thousand nodes each; what further nodes did is not counted. */
const MAX_PAGES = 50;
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
    const counts = await countsIn(client, range, question.node, signal);
    const spots = spotsIn(counts, range);
    const [first] = spots;
    remaining ??= spots.reduce((sum, { count }) => sum + count, 0);
    if (first === undefined) break;
    const heavy = heaviest(spots);
    const isNarrow = counts.width === 1 || heavy.from === heavy.to;
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

/** The changes of a range, as one answer tells them: one by one, or counted. */
interface Counts {
  /** Ticks that a count stands for; 1 where changes are told one by one. */
  readonly width: number;
  readonly changes: readonly {
    readonly at: number;
    readonly count: number;
    readonly line?: EventLineJson;
  }[];
}

/** All nodes, in pages: what one page gives one by one another may have counted. */
async function countsIn(
  client: ApiReader,
  { from, to }: { readonly from: Hlc; readonly to: Hlc },
  node: string | null,
  signal: AbortSignal,
): Promise<Counts> {
  const query = { from: hexOf(from), to: hexOf(to), pixels: PIXELS, node: node ?? undefined };
  const pages: TimelineJson[] = [];
  let cursor: string | undefined;
  do {
    const page: TimelineJson = await client.get("/api/timeline", { ...query, cursor }, signal);
    pages.push(page);
    cursor = page.next;
  } while (cursor !== undefined && pages.length < MAX_PAGES);
  const isExact = pages.every(({ exact }) => exact);
  return {
    width: isExact ? 1 : (pages[0]?.bucketTicks ?? 1),
    changes: pages.flatMap((page) => (isExact ? toldIn(page) : countedIn(page))),
  };
}

function toldIn({ lanes }: TimelineJson): Counts["changes"] {
  return lanes.flatMap(({ events }) =>
    (events ?? []).flatMap((line) =>
      isChangeLine(line) ? [{ at: ticksOf(line.t), count: 1, line }] : [],
    ),
  );
}

function countedIn({ from, bucketTicks, lanes }: TimelineJson): Counts["changes"] {
  const start = ticksOf(from);
  return lanes.flatMap(({ buckets }) =>
    buckets.map(([place = 0, count = 0]) => ({ at: start + place * bucketTicks, count })),
  );
}

/** Changes at one time, or in one bucket; `to` is its last tick. */
interface Spot {
  readonly from: Hlc;
  readonly to: Hlc;
  readonly count: number;
  readonly lines: readonly EventLineJson[];
}

/** Ascending; only what lies in the range. */
function spotsIn({ width, changes }: Counts, range: { from: Hlc; to: Hlc }): readonly Spot[] {
  const spots = new Map<number, { count: number; lines: EventLineJson[] }>();
  for (const { at, count, line } of changes) {
    if (count === 0 || at + width <= range.from || at > range.to) continue;
    const spot = spots.get(at) ?? { count: 0, lines: [] };
    spot.count += count;
    if (line !== undefined) spot.lines.push(line);
    spots.set(at, spot);
  }
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
