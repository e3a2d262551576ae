/**
 * What each injection brought one detector: found or not, how many false words beside it, and how well it was
 * explained. All figures are sums over these rows, so intervals come from drawing rows anew (bootstrap.ts).
 */
import type { Detection, Injection, RunFacts, Span, TruthPart } from "../recording.ts";
import type { Condition } from "./conditions.ts";
import { calmMsOf, joined } from "./disturbance.ts";
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
  /** Without what was disturbed. */
  readonly cleanHours: number;
  /** About nothing that was planted, while something else disturbed the machine: nobody knows if they are right. */
  readonly apartCount: number;
}

export interface Circumstances {
  readonly run: RunFacts;
  readonly conditions: readonly Condition[];
  /** disturbance.ts: waits for a processor. */
  readonly disturbances: readonly Span[];
  /** The same: collections that nobody planted. */
  readonly pauses: readonly Span[];
}

/** A detection may begin so long before an injection and still be of its slot. */
const BEFORE_MS = 500;
/** So long after an injection what is said may come of it, and is judged whatever the machine does. */
const AFTER_MS = 500;

export function tallyOf(
  { run, conditions, disturbances, pauses }: Circumstances,
  detections: readonly Detection[],
  rule: Rule,
): Tally {
  const isNear = (detection: Detection, marginMs: number): boolean =>
    conditions.some(({ injection: { startMs, endMs } }) =>
      overlap({ startMs: startMs - marginMs, endMs: endMs + marginMs }, detection),
    );
  const isOf = (spans: readonly Span[], detection: Detection): boolean =>
    spans.some((each) => overlap(each, detection));
  // A wait may come of an injection. A collection is V8's own: but for what overlaps with the injection it is known.
  const isApart = (detection: Detection): boolean =>
    (isOf(disturbances, detection) && !isNear(detection, AFTER_MS)) ||
    (isOf(pauses, detection) && !isNear(detection, 0));
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
  let apartCount = 0;
  for (const detection of unused) {
    const section = run.sections.find(
      ({ fromMs, toMs }) => detection.startMs >= fromMs && detection.startMs < toMs,
    );
    if (section !== undefined && section.kind !== "warm-up" && isApart(detection)) {
      apartCount += 1;
      continue;
    }
    if (section?.kind === "clean") cleanAlarms.push(detection);
    if (section?.kind !== "faults") continue;
    const owner = conditions.findLast(
      ({ injection }) => injection.startMs - BEFORE_MS <= detection.startMs,
    );
    if (owner !== undefined) slots.set(owner, (slots.get(owner) ?? 0) + 1);
  }
  const disturbed = joined([...disturbances, ...pauses]);
  const cleanMs = run.sections
    .filter(({ kind }) => kind === "clean")
    .map(({ fromMs, toMs }) => calmMsOf({ startMs: fromMs, endMs: toMs }, disturbed))
    .reduce((sum, ms) => sum + ms, 0);
  return {
    ...{ rule, cleanAlarms, apartCount, cleanHours: cleanMs / 3_600_000 },
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
