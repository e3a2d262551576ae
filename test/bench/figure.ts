/**
 * A figure: one measured number, what it was measured against, and the goal it should reach.
 *
 * A bench says what it saw and which way is better; the ratio and whether the goal is met are
 * worked out here, the same for all, so no bench can round a miss away.
 */

/** What a bench reports. */
export interface Figure {
  /** What was measured: "record one change". */
  readonly metric: string;
  readonly value: number;
  readonly unit: string;
  readonly better: "lower" | "higher";
  /** The rival measured in the same run, in the same unit. */
  readonly against?: { readonly what: string; readonly value: number };
  /** What to reach, beside which the value is printed; of the value unless it says `of: "ratio"`. Both ends are included. */
  readonly goal?: Goal;
  /** What was run, so that another can repeat it: sizes, seeds, rounds. */
  readonly workload: string;
}

export type Goal = { readonly of?: "value" | "ratio" } & (
  | { readonly atMost: number }
  | { readonly atLeast: number }
);

/** What `npm run bench -- NAME --json` prints, one object a line. */
export interface FigureRow {
  readonly bench: string;
  readonly metric: string;
  readonly value: number;
  readonly unit: string;
  readonly against: { readonly what: string; readonly value: number } | null;
  /** How many times better than `against`: above 1 is better, whichever way better lies. */
  readonly ratio: number | null;
  readonly goal: string | null;
  readonly met: boolean | null;
  readonly workload: string;
}

/** Adds to a figure what follows from it. */
export function rowOf(bench: string, figure: Figure): FigureRow {
  const ratio = ratioOf(figure);
  const { metric, value, unit, goal, workload } = figure;
  const judged = goal?.of === "ratio" ? ratio : value;
  return {
    bench,
    metric,
    value,
    unit,
    against: figure.against ?? null,
    ratio,
    goal: goal === undefined ? null : goalText(goal, unit),
    met: goal === undefined || judged === null ? null : isMet(goal, judged),
    workload,
  };
}

/** The rows as a table for people, followed by the workloads they were measured under. */
export function tableOf(rows: readonly FigureRow[]): string {
  const cells = [
    ["metric", "value", "against", "ratio", "goal", "met"],
    ...rows.map((row) => [
      row.metric,
      `${shortNumber(row.value)} ${row.unit}`,
      row.against === null ? "-" : `${row.against.what}: ${shortNumber(row.against.value)}`,
      row.ratio === null ? "-" : `${shortNumber(row.ratio)}x`,
      row.goal ?? "-",
      row.met === null ? "-" : row.met ? "yes" : "NO",
    ]),
  ];
  const widths = (cells[0] ?? []).map((_, column) =>
    Math.max(...cells.map((line) => line[column]?.length ?? 0)),
  );
  const lines = cells.map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  const workloads = [...new Set(rows.map((row) => row.workload))];
  return [...lines, "", ...workloads.map((workload) => `workload: ${workload}`)].join("\n");
}

function ratioOf({ value, against, better }: Figure): number | null {
  if (against === undefined) return null;
  return better === "lower" ? against.value / value : value / against.value;
}

function isMet(goal: Goal, judged: number): boolean {
  return "atMost" in goal ? judged <= goal.atMost : judged >= goal.atLeast;
}

function goalText(goal: Goal, unit: string): string {
  const bound = "atMost" in goal ? `<= ${goal.atMost}` : `>= ${goal.atLeast}`;
  return goal.of === "ratio" ? `ratio ${bound}` : `${bound} ${unit}`;
}

/** Three significant digits below 1,000, thousands separated above. */
function shortNumber(value: number): string {
  if (Math.abs(value) >= 1_000) return Math.round(value).toLocaleString("en-US");
  return String(Number(value.toPrecision(3)));
}
