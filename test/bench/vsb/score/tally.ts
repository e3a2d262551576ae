/**
 * What each injection brought one detector: found or not, how many false words beside it, and how well it was
 * explained. All figures are sums over these rows, so intervals come from drawing rows anew (bootstrap.ts).
 */
import type { Detection, Injection, RunFacts, TruthPart } from "../recording.ts";
import type { Condition } from "./conditions.ts";
import { type Match, matchesOf, overlap, type Rule } from "./match.ts";

export interface Row {
  readonly condition: Condition;
  readonly matches: readonly Match[];
  /** Detections of its slot that are about nothing. */
  readonly falseCount: number;
}

export interface Tally {
  readonly rule: Rule;
  readonly rows: readonly Row[];
  /** Detections in clean time, of class fault. */
  readonly cleanAlarms: readonly Detection[];
  readonly cleanHours: number;
}

/** A detection may begin so long before an injection and still be of its slot. */
const BEFORE_MS = 500;

export function tallyOf(
  run: RunFacts,
  conditions: readonly Condition[],
  detections: readonly Detection[],
  rule: Rule,
): Tally {
  const judged = conditions.filter(({ injection }) => isFault(injection));
  const matches = matchesOf(
    judged.map(({ injection }) => injection),
    detections,
    rule,
  );
  const used = new Set(matches.map(({ detection }) => detection));
  const unused = detections.filter((each) => !used.has(each) && each.class === "fault");
  const slots = new Map<Condition, number>();
  const cleanAlarms: Detection[] = [];
  for (const detection of unused) {
    const section = run.sections.find(
      ({ fromMs, toMs }) => detection.startMs >= fromMs && detection.startMs < toMs,
    );
    if (section?.kind === "clean") cleanAlarms.push(detection);
    if (section?.kind !== "faults") continue;
    const owner = conditions.findLast(
      ({ injection }) => injection.startMs - BEFORE_MS <= detection.startMs,
    );
    if (owner !== undefined) slots.set(owner, (slots.get(owner) ?? 0) + 1);
  }
  const cleanMs = run.sections
    .filter(({ kind }) => kind === "clean")
    .reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0);
  return {
    ...{ rule, cleanAlarms, cleanHours: cleanMs / 3_600_000 },
    rows: judged.map((condition) => ({
      condition,
      matches: matches.filter(({ injection }) => injection === condition.injection),
      falseCount: slots.get(condition) ?? 0,
    })),
  };
}

/** What a detection should be made of. */
function isFault({ kind }: Injection): boolean {
  return kind === "single" || kind === "compound";
}

/** How many of them brought a word: bursts by class, negatives by any fault that was claimed meanwhile. */
export function claimsDuring(
  injections: readonly Injection[],
  detections: readonly Detection[],
  ofClass: Detection["class"],
): number {
  return injections.filter((injection) =>
    detections.some((each) => each.class === ofClass && overlap(each, injection)),
  ).length;
}

export function recallOf(rows: readonly Row[]): number {
  return rows.filter(({ matches }) => matches.length > 0).length / rows.length;
}

/** NaN without a detection. */
export function precisionOf(rows: readonly Row[]): number {
  const right = rows.reduce((sum, { matches }) => sum + matches.length, 0);
  return right / rows.reduce((sum, { falseCount }) => sum + falseCount, right);
}

export type Asked = "tier" | "cause" | "pair";

/** Share of the detected whose first `within` suspects name it. NaN: none was detected. */
export function namedShare(rows: readonly Row[], asked: Asked, within: number): number {
  const found = rows.filter(({ matches }) => matches.length > 0);
  const named = found.filter(({ matches }) =>
    matches.some(({ detection, injection }) =>
      detection.suspects
        .slice(0, within)
        .some((suspect) => injection.parts.some((part) => isRight(suspect, part, asked))),
    ),
  );
  return named.length / found.length;
}

function isRight(
  { tier, cause }: Detection["suspects"][number],
  part: TruthPart,
  asked: Asked,
): boolean {
  const tierIsRight = (part.tiers as readonly (string | null)[]).includes(tier);
  const causeIsRight = (part.causes as readonly (string | null)[]).includes(cause);
  if (asked === "tier") return tierIsRight;
  return asked === "cause" ? causeIsRight : tierIsRight && causeIsRight;
}
