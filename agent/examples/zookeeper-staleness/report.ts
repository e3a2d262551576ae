/** Prints what a run has shown. */
import type { RunPlan } from "./one-run.ts";
import { longestOf, type Share } from "./staleness.ts";
import { type Answer, type ByClock, SHORTEST_MS } from "./verdict.ts";

type Print = (line: string) => void;

/** Rows of the distribution: versions behind, both ends included. */
const ROWS: ReadonlyArray<readonly [from: number, to: number]> = [
  ...([0, 1, 2] as const).map((n) => [n, n] as const),
  ...([
    [3, 4],
    [5, 9],
    [10, 19],
    [20, Number.POSITIVE_INFINITY],
  ] as const),
];
const FIRST_COLUMN = 46;
const COLUMN = 18;

export function printRun(print: Print, answer: Answer): void {
  const { plan, recorded } = answer.result;
  print(`
Run "${plan.name}": ${titleOf(plan)}
${recorded.written.length} updates, ${recorded.readings.length} readings, ${answer.staleness.cuts} cuts
`);
  printDistribution(print, answer);
  printLongest(print, answer);
  printPauses(print, answer);
  printVerdicts(print, answer);
  print(row("stretches of any length, any replica, in RQL", String(recorded.rqlRowCount)));
  if (recorded.unstamped.length > 0 && !plan.isStamped) {
    print(row("messages without a stamp, reported by", recorded.unstamped.join(", ")));
  }
  print("");
  for (const line of inShort(answer)) print(`  ${line}`);
  for (const fault of answer.faults) print(`  ! ${fault}`);
}

function titleOf({ isStamped, skewsMs }: RunPlan): string {
  if (!isStamped) return "no stamp passes through ZooKeeper, all clocks are right";
  const offs = skewsMs.map((ms) => (ms > 0 ? `+${ms}` : String(ms))).join(", ");
  return `the stamp rides in the znodes, the observers' clocks are off by ${offs} ms`;
}

function printDistribution(print: Print, { staleness, result }: Answer): void {
  const { replicas } = result.plan.question;
  print(row("versions behind: % of cuts, % of time", ...replicas));
  for (const [from, to] of ROWS) {
    const label =
      from === to ? String(from) : Number.isFinite(to) ? `${from} to ${to}` : `${from} or more`;
    const cells = replicas.map((replica) => {
      const shares = [...(staleness.shares.get(replica) ?? new Map<number, Share>())];
      const all = sumOf(shares.map(([, share]) => share));
      const here = sumOf(shares.flatMap(([n, share]) => (n >= from && n <= to ? [share] : [])));
      return `${percent(here.cuts, all.cuts)}  ${percent(here.ms, all.ms)}`;
    });
    print(row(`  ${label}`, ...cells));
  }
}

function sumOf(shares: readonly Share[]): Share {
  return shares.reduce((sum, { cuts, ms }) => ({ cuts: sum.cuts + cuts, ms: sum.ms + ms }), {
    cuts: 0,
    ms: 0,
  });
}

function percent(part: number, whole: number): string {
  return (whole === 0 ? 0 : (100 * part) / whole).toFixed(1).padStart(5);
}

function printLongest(print: Print, { staleness, result }: Answer): void {
  const { replicas, k } = result.plan.question;
  print(row(`longest at ${k} or more versions behind`));
  for (const replica of replicas) {
    const longest = longestOf(staleness.findings.filter((one) => one.replica === replica));
    const text =
      longest === undefined
        ? "never"
        : `${ms(longest.toMs - longest.fromMs)}, up to ${longest.worst} versions of ${longest.znode}`;
    print(row(`  ${replica}`, text));
  }
}

function printPauses(print: Print, { pauses, result }: Answer): void {
  const { k } = result.plan.question;
  print(row("servers stopped for a moment", "stopped", `${k} behind, cuts`, "by true clock"));
  for (const { pause, found, truth } of pauses) {
    const of = (one: typeof found): string => (one ? ms(one.toMs - one.fromMs) : "never");
    print(row(`  ${pause.replica}`, ms(pause.toMs - pause.fromMs), of(found), of(truth)));
  }
}

function printVerdicts(print: Print, { byStamp, byWall, result }: Answer): void {
  const { k } = result.plan.question;
  print(
    row(
      `${k} or more behind for ${SHORTEST_MS} ms or longer`,
      "found",
      "false",
      "missed",
      "impossible cuts",
    ),
  );
  const cells = ({ found, falseCount, missedCount, impossibleCuts }: ByClock): string[] =>
    [found, falseCount, missedCount, impossibleCuts].map(String);
  print(row("  by the machine's one true clock", String(byStamp.trueCount), "-", "-", "-"));
  print(row("  by the collector's cuts", ...cells(byStamp)));
  print(row("  by the processes' wall clocks", ...cells(byWall)));
}

/** The answer in sentences: what the tables above come to. */
function inShort({ pauses, byStamp, byWall, result }: Answer): string[] {
  const { isStamped, question } = result.plan;
  const stale = pauses.filter(({ truth }) => truth !== undefined);
  const found = stale.filter((one) => one.found !== undefined);
  const offMs = found.map(({ found: by, truth }) =>
    by === undefined || truth === undefined
      ? 0
      : Math.abs(by.toMs - by.fromMs - (truth.toMs - truth.fromMs)),
  );
  const timed = found.length === 0 ? "" : `, timed to within ${ms(Math.max(...offMs))}`;
  const stops = `${stale.length} of ${pauses.length} stops put their replica ${question.k} or more behind; the cuts show ${found.length} of these${timed}.`;
  const falseOf = ({ falseCount, found: all }: ByClock): string => `${falseCount} of ${all}`;
  const clocks = isStamped ? "the skewed wall clocks alone," : "the right wall clocks alone,";
  return [
    stops,
    `Asked of ${clocks} ${falseOf(byWall)} findings are false; asked of the cuts, ${falseOf(byStamp)}.`,
  ];
}

function ms(value: number): string {
  return `${value.toFixed(0)} ms`;
}

function row(label: string, ...cells: readonly string[]): string {
  return `  ${label.padEnd(FIRST_COLUMN)}${cells.map((cell) => cell.padEnd(COLUMN)).join("")}`.trimEnd();
}
