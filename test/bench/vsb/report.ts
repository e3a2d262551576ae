/** The report: a table of all detectors side by side, one of faults and durations, and figures with goals. */
import type { Figure, Goal } from "../figure.ts";
import type { Estimate } from "./score/bootstrap.ts";
import type { Round, Scored } from "./score/detectors.ts";
import type { Cell, Group, Scorecard } from "./score/scorecard.ts";

const HEAD: readonly string[] = [
  ...["", "recall", "precision", "told ms p50/p95", "tier", "cause", "pair", "in 3", "explained"],
  ...["clean alarms", "recall~", "precision~", "pair~"],
];

/** ~: an overlap is enough, whatever the onset. */
export function sideBySide(scored: readonly Scored[]): string {
  const rows = scored.map(({ name, onset, overlap }) => [
    name,
    ...[share(onset.long.recall), share(onset.long.precision), told(onset.long)],
    ...[onset.long.top1Tier, onset.long.top1Cause, onset.long.top1Pair, onset.long.top3Pair].map(
      percent,
    ),
    number(quantile(onset.long.explained, 0.5) * 100, "%"),
    alarms(onset),
    ...[overlap.long.recall, overlap.long.precision, overlap.long.top1Pair].map(percent),
  ]);
  return aligned([[...HEAD], ...rows]);
}

/** Of each fault and duration: recall / precision / right tier and cause, of ours and of every rival. */
export function byFault(scored: readonly Scored[]): string {
  const cells = scored[0]?.onset.cells ?? [];
  if (cells.length === 0) return "no injection that could be judged";
  const rows = cells.map((cell) => [
    `${cell.fault} ${cell.nominalMs}`,
    String(cell.recall.count),
    ...scored.map(({ onset, overlap }, i) =>
      threeOf((i === 0 ? onset : overlap).cells.find((other) => isSame(other, cell))),
    ),
  ]);
  const names = scored.map(({ name }, i) => (i === 0 ? name : `${name}~`));
  return aligned([["fault, ms", "n", ...names], ...rows]);
}

function isSame(a: Cell, b: Cell): boolean {
  return a.fault === b.fault && a.nominalMs === b.nominalMs;
}

function threeOf(cell: Cell | undefined): string {
  if (cell === undefined) return "-";
  return [cell.recall, cell.precision, cell.top1]
    .map(({ value }) => number(value * 100, ""))
    .join("/");
}

/** What was not scored, and what should not have been said. */
export function asides({ onset, name }: Scored): string {
  const { contaminated, noEffect, bursts, negatives, short, compound } = onset;
  return [
    `${name}:`,
    `apart: ${noEffect.count} without effect on requests (${noEffect.found} found); ` +
      `${contaminated.recall.count} contaminated by other work on the machine: recall ${share(contaminated.recall)}, ` +
      `precision ${share(contaminated.precision)}, tier ${percent(contaminated.top1Tier)}, pair ${percent(contaminated.top1Pair)}`,
    `while other work disturbed the machine, outside of injections: ${onset.apartCount} detections, ` +
      `neither right nor wrong; calm clean time: ${number(onset.cleanHours * 60, " min")}`,
    `20 ms: recall ${share(short.recall)}, precision ${share(short.precision)}`,
    `compounds: recall ${share(compound.recall)}, pair ${share(compound.top1Pair)}`,
    `bursts: ${bursts.count}, told as burst ${bursts.asBurst}, as fault ${bursts.asFault}; ` +
      `negatives: ${negatives.count}, told as fault ${negatives.asFault}`,
    `onset error, ms: median ${number(quantile(onset.long.onsetErrorsMs, 0.5), "")}`,
  ].join("\n  ");
}

/** Goals of `bottlenecks.md` section 13; null: reported only. */
interface Goals {
  readonly recall: number;
  readonly precision: number;
  readonly top1: number;
  readonly toldMs: number | null;
  readonly explained: number | null;
}

const CI_GOALS: Goals = {
  ...{ recall: 0.95, precision: 0.95, top1: 0.9, toldMs: null, explained: null },
};
const LONG_GOALS: Goals = {
  ...{ recall: 0.99, precision: 0.98, top1: 0.95, toldMs: 250, explained: 0.9 },
};

/** Ours with goals, and the best rival of each figure beside it. */
export function figuresOf(
  [ours, live, ...rivals]: readonly Scored[],
  rounds: readonly Round[],
): Figure[] {
  // Who does not answer raises no false alarm either: nothing of that is a figure.
  if (ours === undefined || rounds.some(({ isAnswered }) => !isAnswered)) return [];
  const goals = rounds.some(({ run }) => run.size === "long") ? LONG_GOALS : CI_GOALS;
  const workload = workloadOf(ours.onset, rounds);
  const rate = (
    metric: string,
    pick: (card: Scorecard) => Estimate,
    goal: number | null,
  ): Figure[] => {
    const found = pick(ours.onset);
    if (Number.isNaN(found.value)) return [];
    // The rivals' by overlap: their windows know no onset.
    const best = rivals
      .map(({ name, overlap }) => ({ what: name, value: pick(overlap).value }))
      .filter(({ value }) => !Number.isNaN(value))
      .sort((a, b) => b.value - a.value)[0];
    return [
      {
        metric: `${metric} [${number(found.low, "")}..${number(found.high, "")}]`,
        ...{ value: found.value, unit: `of ${found.count}`, better: "higher", workload },
        ...(best === undefined ? {} : { against: best }),
        ...goalOf(goal === null ? undefined : { atLeast: goal }),
      },
    ];
  };
  const value = (
    metric: string,
    found: number,
    unit: string,
    better: Figure["better"],
    goal?: Goal,
  ): Figure[] =>
    Number.isNaN(found) ? [] : [{ metric, value: found, unit, better, workload, ...goalOf(goal) }];
  const { long, cleanAlarms, cleanHours } = ours.onset;
  const snapshots = rounds.flatMap((round) => round.snapshots);
  const right = snapshots.filter(
    (check) => check.complete && (check.value ?? 0) === check.expected,
  );
  return [
    ...rate("recall, >= 50 ms", (card) => card.long.recall, goals.recall),
    ...rate("precision, >= 50 ms", (card) => card.long.precision, goals.precision),
    ...rate("recall, 20 ms", (card) => card.short.recall, null),
    ...rate("precision, 20 ms", (card) => card.short.precision, null),
    ...rate("tier and cause, first", (card) => card.long.top1Pair, goals.top1),
    ...rate("tier and cause, among three", (card) => card.long.top3Pair, null),
    ...rate("tier, first", (card) => card.long.top1Tier, null),
    ...rate("cause, first", (card) => card.long.top1Cause, null),
    ...rate("compounds: tier and cause, first", (card) => card.compound.top1Pair, null),
    ...rate("loop block charged to its process", (card) => card.ownProcess, 0.95),
    ...value(
      "time to detect, live, p95",
      quantile(live?.onset.long.toldMs ?? [], 0.95),
      "ms",
      "lower",
      goals.toldMs === null ? undefined : { atMost: goals.toldMs },
    ),
    ...value(
      "explained share, median",
      quantile(long.explained, 0.5),
      "",
      "higher",
      goals.explained === null ? undefined : { atLeast: goals.explained },
    ),
    ...value(
      "false alarms per clean hour",
      cleanHours > 0 ? cleanAlarms / cleanHours : Number.NaN,
      "1/h",
      "lower",
      {
        atMost: 1,
      },
    ),
    ...value("snapshots at onset that are right", right.length / snapshots.length, "", "higher", {
      atLeast: 1,
    }),
  ];
}

function goalOf(goal: Goal | undefined): { readonly goal?: Goal } {
  return goal === undefined ? {} : { goal };
}

function workloadOf({ contaminated, noEffect }: Scorecard, rounds: readonly Round[]): string {
  const injections = rounds.reduce((sum, { truths }) => sum + truths.length, 0);
  const loads = rounds.map(
    ({ run }) => `${run.ratePerSecond}/s${run.busyUs > 0 ? ` with ${run.busyUs} us of work` : ""}`,
  );
  const [first] = rounds;
  return (
    `seed ${first?.run.seed}, size ${first?.run.size}, ${[...new Set(loads)].join(", ")}; ${injections} injections, ` +
    `${contaminated.recall.count} contaminated and ${noEffect.count} without effect scored apart; ${first?.run.machine}`
  );
}

/** NaN for none. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)] ?? Number.NaN;
}

function share({ value, low, high }: Estimate): string {
  if (Number.isNaN(value)) return "-";
  return `${number(value * 100, "%")} [${number(low * 100, "")}-${number(high * 100, "")}]`;
}

function percent({ value }: Estimate): string {
  return number(value * 100, "%");
}

function told({ toldMs }: Group): string {
  if (toldMs.length === 0) return "-";
  return `${number(quantile(toldMs, 0.5), "")}/${number(quantile(toldMs, 0.95), "")}`;
}

function alarms({ cleanAlarms, cleanHours }: Scorecard): string {
  return cleanHours === 0 ? "-" : `${cleanAlarms} (${number(cleanAlarms / cleanHours, "/h")})`;
}

function number(value: number, unit: string): string {
  if (Number.isNaN(value)) return "-";
  return `${Number(value.toPrecision(3))}${unit}`;
}

function aligned(rows: ReadonlyArray<readonly string[]>): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
