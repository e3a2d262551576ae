/**
 * What the collector made of a planted stall, held against what was planted: right, missed, or charged wrongly.
 * Pure: the demo asks, this judges.
 *
 *     planted           |======= D =======|
 *     told at all    <--|-->                      onset within max(20 ms, D / 2), and what clocks leave open
 *     right             the tier is the process that stood still, the first cause is what was done to it
 *
 * D / 2 is what the evaluation (test/bench/vsb) allows too: further off it may be about something else. The clocks
 * of the replicas are wrong on purpose, and the collector says how well it knows them: so much is added.
 *
 * A stall that the machine itself took part in proves nothing if it is missed or charged otherwise: where it gave the
 * process no CPU for a third of the time, stood still as a whole, or let processes wait so much that stalls were usual
 * before, that is said, and not counted against. What is told rightly all the same counts, and its noise is said.
 */

/** Named as the causes that the collector tells. */
export const STALL_KINDS = ["run", "freeze", "gc"] as const;
export type StallKind = (typeof STALL_KINDS)[number];

export interface PlantedStall {
  readonly node: string;
  readonly kind: StallKind;
  /** Wall time; for one that never began: when it was asked for. */
  readonly startMs: number;
  /** Null: it never began. */
  readonly lastedMs: number | null;
  /** Of it: without a CPU. Null: not known. */
  readonly waitedMs: number | null;
  /** How long the whole machine stood still around it, at worst. */
  readonly hostLateMs: number;
  /** Of the seconds before: the share for which some process had no CPU. Null: not known. */
  readonly waitedShareBefore: number | null;
}

/** As much of an episode of `/api/bottlenecks` as is looked at here. */
export interface ToldEpisode {
  readonly id: string;
  readonly durationMs: number;
  readonly tier: {
    readonly node: string;
    readonly edge?: { readonly from: string; readonly to: string };
  };
  readonly causes: readonly { readonly cause: string; readonly ms: number }[];
  readonly unexplainedMs: number;
  readonly severity: { readonly requestMs: number };
  readonly skew: {
    readonly boundMs: number | null;
    readonly adjustedOnset: { readonly time: string };
  };
}

export type StallVerdict = "right" | "missed" | "wrong tier" | "wrong cause" | "prevented";

export interface JudgedStall {
  readonly planted: PlantedStall;
  readonly verdict: StallVerdict;
  /** Null: nothing was told. */
  readonly told: ToldEpisode | null;
  /** What part the machine had in it. */
  readonly why?: string;
}

export interface StallResult {
  readonly judged: readonly JudgedStall[];
  /** Told of the same time, and planted by nobody. */
  readonly others: readonly ToldEpisode[];
}

/** An onset may always be so far off: two of the finest windows. */
const LEAST_TOLERANCE_MS = 20;
/** From this share of a stall without a CPU on it is another stall than the one that was planted. */
const WAITED_SHARE = 1 / 3;
/** From this share on waiting is usual: in seconds like these a stall stands out no more. */
export const USUAL_SHARE = 0.1;
/** From this share of a stall on, a machine that stands still is a stall of its own. */
const HOST_SHARE = 1 / 3;

/** How far the onset that was told may be from the one that was planted. */
export function toleranceMs(lastedMs: number, boundMs: number | null): number {
  return Math.max(LEAST_TOLERANCE_MS, lastedMs / 2) + (boundMs ?? 0);
}

export function judgeStall(
  planted: PlantedStall,
  episodes: readonly ToldEpisode[],
  stallMs: number,
): JudgedStall {
  const told = costliestNear(planted, episodes, stallMs);
  const verdict = verdictOf(planted, told);
  const why = overlaidBy(planted, stallMs);
  if (why === undefined) return { planted, verdict, told };
  return { planted, verdict: verdict === "right" ? "right" : "prevented", told, why };
}

function verdictOf(planted: PlantedStall, told: ToldEpisode | null): StallVerdict {
  if (told === null) return "missed";
  if (told.tier.edge !== undefined || told.tier.node !== planted.node) return "wrong tier";
  return told.causes[0]?.cause === planted.kind ? "right" : "wrong cause";
}

/** By time and not by place, so that one that is charged to somebody else is seen to be. */
function costliestNear(
  { startMs, lastedMs }: PlantedStall,
  episodes: readonly ToldEpisode[],
  stallMs: number,
): ToldEpisode | null {
  const near = episodes.filter(({ skew }) => {
    const offMs = Math.abs(Date.parse(skew.adjustedOnset.time) - startMs);
    return offMs <= toleranceMs(lastedMs ?? stallMs, skew.boundMs);
  });
  return near.sort((a, b) => b.severity.requestMs - a.severity.requestMs)[0] ?? null;
}

function overlaidBy(
  { lastedMs, waitedMs, hostLateMs, waitedShareBefore }: PlantedStall,
  stallMs: number,
): string | undefined {
  if (lastedMs === null) return "the process never came to it";
  if (waitedMs !== null && waitedMs > lastedMs * WAITED_SHARE) {
    return `no CPU was free for ${Math.round(waitedMs)} of its ${Math.round(lastedMs)} ms`;
  }
  if (hostLateMs > stallMs * HOST_SHARE) {
    return `the machine itself stood still for ${Math.round(hostLateMs)} ms`;
  }
  if (waitedShareBefore !== null && waitedShareBefore > USUAL_SHARE) {
    return `stalls were usual: no CPU was free for ${Math.round(100 * waitedShareBefore)} % of the seconds before`;
  }
  return undefined;
}

/** Whether one was missed or charged wrongly; undefined: none could be judged. */
export function isProved(judged: readonly JudgedStall[]): boolean | undefined {
  const counted = judged.filter(({ verdict }) => verdict !== "prevented");
  if (counted.length === 0) return undefined;
  return counted.every(({ verdict }) => verdict === "right");
}

/** Told, and not of a planted stall. */
export function others(
  judged: readonly JudgedStall[],
  episodes: readonly ToldEpisode[],
): ToldEpisode[] {
  const ours = new Set(judged.map(({ told }) => told?.id));
  return episodes.filter(({ id }) => !ours.has(id));
}
