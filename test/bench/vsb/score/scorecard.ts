/** The scorecard of one detector over one or more recordings: every figure that is reported. */
import type { Detection, Injection, Recording, RunFacts } from "../recording.ts";
import { type Estimate, estimate } from "./bootstrap.ts";
import { type Condition, conditionsOf } from "./conditions.ts";
import { disturbancesOf, pausesOf } from "./disturbance.ts";
import type { Rule } from "./match.ts";
import {
  type Circumstances,
  claimsDuring,
  namedShare,
  precisionOf,
  type Row,
  recallOf,
  type Tally,
  tallyOf,
} from "./tally.ts";

/** What one detector said of a recording, tallied: without its long columns, so that many fit into memory. */
export interface Judged {
  readonly run: RunFacts;
  readonly truths: readonly Injection[];
  readonly detections: readonly Detection[];
  readonly tallies: Readonly<Record<Rule, Tally>>;
}

export interface Cell {
  readonly fault: string;
  readonly nominalMs: number;
  readonly recall: Estimate;
  readonly precision: Estimate;
  readonly top1: Estimate;
}

export interface Group {
  readonly recall: Estimate;
  readonly precision: Estimate;
  readonly top1Tier: Estimate;
  readonly top1Cause: Estimate;
  readonly top1Pair: Estimate;
  readonly top3Pair: Estimate;
  /** ms from the start of the fault until it was told. */
  readonly toldMs: readonly number[];
  readonly onsetErrorsMs: readonly number[];
  readonly explained: readonly number[];
}

export interface Scorecard {
  readonly name: string;
  readonly rule: Rule;
  /** Single faults of 50 ms and more, at 300 requests/s and more. */
  readonly long: Group;
  /** Those of 20 ms. */
  readonly short: Group;
  readonly compound: Group;
  readonly cells: readonly Cell[];
  /** Of detected loop blocks, how many are charged to their process and not to the network. */
  readonly ownProcess: Estimate;
  readonly cleanAlarms: number;
  readonly cleanHours: number;
  /** Said of stretches in which other work disturbed the machine: neither right nor wrong. */
  readonly apartCount: number;
  readonly bursts: { readonly count: number; readonly asBurst: number; readonly asFault: number };
  readonly negatives: { readonly count: number; readonly asFault: number };
  /** Not in the above: what other work on the machine disturbed. */
  readonly contaminated: Group;
  readonly noEffect: { readonly count: number; readonly found: number };
}

/** Below this rate the goals of recall and precision are not asked for. */
const LEAST_RATE = 300;
const LONG_MS = 50;
const SHORT_MS = 20;

/** Worked out once a recording, not once a detector. */
const circumstances = new WeakMap<Recording, Circumstances>();

export function judge(recording: Recording, detections: readonly Detection[]): Judged {
  const { run, truths } = recording;
  const around = circumstancesOf(recording);
  const tally = (rule: Rule): Tally => tallyOf(around, detections, rule);
  return { run, truths, detections, tallies: { onset: tally("onset"), overlap: tally("overlap") } };
}

export function scorecardOf(name: string, all: readonly Judged[], rule: Rule): Scorecard {
  const tallies = all.map((one) => ({ ...one, tally: one.tallies[rule] }));
  const rows = tallies.flatMap(({ tally }) => tally.rows);
  const apart = rows.filter(({ condition }) => !isJudged(condition));
  const judged = tallies.flatMap(({ run, tally }) =>
    tally.rows.filter(({ condition }) => isJudged(condition) && run.ratePerSecond >= LEAST_RATE),
  );
  const single = judged.filter(({ condition }) => condition.injection.kind === "single");
  const struck = all.flatMap(({ truths, detections }) =>
    truths.map((injection) => ({ injection, detections })),
  );
  const claims = (kind: Injection["kind"], ofClass: Detection["class"]): number =>
    struck.filter(
      ({ injection, detections }) =>
        injection.kind === kind && claimsDuring([injection], detections, ofClass) > 0,
    ).length;
  const countOf = (kind: Injection["kind"]): number =>
    struck.filter(({ injection }) => injection.kind === kind).length;
  return {
    ...{ name, rule },
    long: groupOf(single.filter((row) => nominal(row) >= LONG_MS)),
    short: groupOf(single.filter((row) => nominal(row) === SHORT_MS)),
    compound: groupOf(judged.filter(({ condition }) => condition.injection.kind === "compound")),
    cells: cellsOf(rows.filter(({ condition }) => isJudged(condition))),
    ownProcess: ownProcessOf(single),
    cleanAlarms: tallies.reduce((sum, { tally }) => sum + tally.cleanAlarms.length, 0),
    cleanHours: tallies.reduce((sum, { tally }) => sum + tally.cleanHours, 0),
    apartCount: tallies.reduce((sum, { tally }) => sum + tally.apartCount, 0),
    bursts: {
      ...{ count: countOf("burst"), asBurst: claims("burst", "burst") },
      asFault: claims("burst", "fault"),
    },
    negatives: { count: countOf("negative"), asFault: claims("negative", "fault") },
    contaminated: groupOf(apart.filter(({ condition }) => condition.isContaminated)),
    noEffect: foundIn(apart.filter(({ condition }) => !condition.isContaminated)),
  };
}

function circumstancesOf(recording: Recording): Circumstances {
  const { run, hosts, collections, truths } = recording;
  const known = circumstances.get(recording);
  if (known !== undefined) return known;
  const found = {
    ...{ run, conditions: conditionsOf(recording) },
    ...{ disturbances: disturbancesOf(hosts, run), pauses: pausesOf(collections, truths) },
  };
  circumstances.set(recording, found);
  return found;
}

function isJudged({ hasEffect, isContaminated }: Condition): boolean {
  return hasEffect && !isContaminated;
}

function nominal({ condition }: Row): number {
  return condition.injection.nominalMs;
}

function groupOf(rows: readonly Row[]): Group {
  const matches = rows.flatMap((row) => row.matches);
  return {
    recall: estimate(rows, recallOf),
    precision: estimate(rows, precisionOf),
    top1Tier: estimate(rows, (drawn) => namedShare(drawn, "tier", 1)),
    top1Cause: estimate(rows, (drawn) => namedShare(drawn, "cause", 1)),
    top1Pair: estimate(rows, (drawn) => namedShare(drawn, "pair", 1)),
    top3Pair: estimate(rows, (drawn) => namedShare(drawn, "pair", 3)),
    toldMs: matches.flatMap(({ detection: { knownMs }, part }) =>
      knownMs === null ? [] : [knownMs - part.startMs],
    ),
    onsetErrorsMs: matches.map(({ onsetErrorMs }) => onsetErrorMs),
    explained: matches.flatMap(({ detection: { explained } }) =>
      explained === null ? [] : [explained],
    ),
  };
}

function cellsOf(rows: readonly Row[]): Cell[] {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const { fault, nominalMs } = row.condition.injection;
    const key = JSON.stringify([fault, nominalMs]);
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return [...groups]
    .map(([key, of]): Cell => {
      const [fault, nominalMs] = JSON.parse(key) as [string, number];
      return {
        ...{ fault, nominalMs, recall: estimate(of, recallOf) },
        precision: estimate(of, precisionOf),
        top1: estimate(of, (drawn) => namedShare(drawn, "pair", 1)),
      };
    })
    .sort((a, b) => (a.fault < b.fault ? -1 : a.fault > b.fault ? 1 : a.nominalMs - b.nominalMs));
}

function ownProcessOf(rows: readonly Row[]): Estimate {
  const blocks = rows.filter(
    ({ condition, matches }) => condition.injection.fault === "loop-block" && matches.length > 0,
  );
  return estimate(
    blocks,
    (drawn) =>
      drawn.filter(({ matches }) =>
        matches.some(({ detection, part }) => {
          const [first] = detection.suspects;
          return first?.tier === part.tier && first.cause !== "network";
        }),
      ).length / drawn.length,
  );
}

function foundIn(rows: readonly Row[]): { readonly count: number; readonly found: number } {
  return { count: rows.length, found: rows.filter(({ matches }) => matches.length > 0).length };
}
