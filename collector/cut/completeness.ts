/**
 * What is missing from a node's part of a cut, and why.
 *
 *     stored     [1......40]      [61..80]           closed            end or next epoch
 *                         | hole  |                     | open end      |
 *     T          complete | hole, "hole" for every later T               | no member: complete
 *                                                       | lagging, suspect, expired or lost
 *
 * Two things are judged apart: whether events up to T may be missing (holes, the open end), and
 * whether a selected variable is lost at T (lost ranges not yet recovered from, which the view knows).
 */
import { type Hlc, type LostRange, MIN_HLC } from "../../agent/kernel/index.ts";
import type { EpochRecord, StoredRange } from "../store/history-store.ts";
import type { EpochView } from "./epoch-view.ts";
import { touches } from "./epoch-view.ts";
import type { Incomplete } from "./history.ts";
import type { CutLimits } from "./limits.ts";
import { reasonOf } from "./log-image.ts";
import type { CountedLoss } from "./losses.ts";
import { type EpochSpan, isActiveAt, type Membership, statusOf } from "./membership.ts";
import type { Chosen } from "./selection.ts";

/** Missing events of an epoch that is active at `t`: holes first, then the open end. */
export function missingEvents(
  span: EpochSpan,
  t: Hlc,
  nowMs: number,
  limits: CutLimits,
): Incomplete[] {
  const { record } = span;
  if (!isActiveAt(span, t) || t <= record.watermark) return [];
  const missing = holesOf(record)
    .filter(({ from }) => from < t)
    .slice(0, limits.lostListed)
    .map((hole) => holeEntry(record.node, hole));
  if (t > record.closed || missing.length === 0) missing.push(openEnd(span, nowMs, limits));
  return missing;
}

/**
 * Two processes under one node id: an earlier run went on after the run of the moment had begun. Which
 * of them the node is nobody can say, until it is over or a run begins above both (ingest asks for it).
 *
 *     run 1   |joined ----------------------------- closed
 *     run 2            |joined --- expired|
 *     run 3                                             |joined ---      complete again
 *                      |  contended  ...                |
 */
export function contended(
  span: EpochSpan | undefined,
  t: Hlc,
  nowMs: number,
  limits: CutLimits,
): Incomplete | undefined {
  const rival = span?.rivals.find(({ end }) => end === null || t < end.t);
  if (span === undefined || rival === undefined) return undefined;
  const { record, next } = span;
  const { node, end, watermark } = rival;
  const from = record.joined;
  if (end !== null && (next === undefined || end.t <= next)) {
    return { node, reason: end.kind === "expired" ? "expired" : "lost", from, to: end.t };
  }
  if (next !== undefined) return { node, reason: "lost", from, to: next };
  const isSuspect = statusOf(rival, nowMs, limits.suspectAfterMs) === "suspect";
  return { node, reason: isSuspect ? "suspect" : "lagging", from, after: watermark };
}

/** Missing events: seqs from `seq` on, with from < t <= to. */
export interface Hole {
  readonly from: Hlc;
  readonly to: Hlc;
  readonly seq: number;
  readonly events: number;
}

/** A hole as a reason. */
export function holeEntry(node: string, { from, to, seq, events }: Hole): Incomplete {
  const entry: Incomplete = { node, reason: "hole", to, seq, events };
  return from > MIN_HLC ? { ...entry, from } : entry;
}

/** Seqs that will never be missing: stored, or declared lost. */
type KnownRange = Pick<StoredRange, "first" | "last" | "firstT" | "closed">;

/** Seqs that may yet come, each between what is known before and after it. */
export function holesOf(record: EpochRecord): readonly Hole[] {
  const known: KnownRange[] = [
    ...record.stored,
    ...record.lost.map(
      ({ firstSeq, lastSeq, firstT, lastT }): KnownRange => ({
        first: firstSeq,
        last: lastSeq,
        firstT,
        closed: lastT,
      }),
    ),
  ].sort((a, b) => a.first - b.first);
  let last = record.contiguousSeq;
  let from = record.watermark;
  const holes: Hole[] = [];
  for (const range of known) {
    if (range.last <= last) continue;
    if (range.first > last + 1) {
      holes.push({ from, to: range.firstT, seq: last + 1, events: range.first - last - 1 });
    }
    last = range.last;
    from = range.closed;
  }
  return holes;
}

/**
 * How far anything is known of an epoch, holes left aside. Not what it promised last: an empty batch may
 * have promised beyond seqs of which nothing has come, and then nothing shows where they end.
 */
export function reachOf({ stored, lost, watermark }: EpochRecord): Hlc {
  const closed = stored.at(-1)?.closed ?? MIN_HLC;
  return Math.max(watermark, closed, lost.at(-1)?.lastT ?? MIN_HLC) as Hlc;
}

/** Why nothing is known after `closed`. */
export function openEnd({ record, next }: EpochSpan, nowMs: number, limits: CutLimits): Incomplete {
  const { node, closed, end } = record;
  if (end?.kind === "expired" && (next === undefined || end.t <= next)) {
    return { node, reason: "expired", from: closed, to: end.t };
  }
  if (next !== undefined) return { node, reason: "lost", from: closed, to: next };
  const isSuspect = statusOf(record, nowMs, limits.suspectAfterMs) === "suspect";
  return { node, reason: isSuspect ? "suspect" : "lagging", after: record.watermark };
}

/** The lost ranges that leave a selected variable lost in this state. */
export function lostVariables(
  record: EpochRecord,
  view: EpochView,
  chosen: Chosen,
  limits: CutLimits,
): Incomplete[] {
  if (view.lost.length === 0 && ![...view.logs.values()].some(({ lost }) => lost.length > 0)) {
    return [];
  }
  const open = new Set<LostRange>();
  for (const log of logsAtStake(record, view.lost, chosen)) {
    const ranges = view.lostOf(log);
    if (ranges.length === 0 || !isAnyLost(view, log, chosen)) continue;
    for (const range of ranges) open.add(range);
  }
  // No log was ever seen: whatever a nameless range held was in logs that nobody can name.
  if (Object.keys(record.logs).length === 0 && chosen.logs === undefined) {
    for (const range of view.lost) if (range.logs === null) open.add(range);
  }
  return listed(record.node, distinct(open), limits);
}

function logsAtStake(
  record: EpochRecord,
  lost: readonly LostRange[],
  chosen: Chosen,
): ReadonlySet<string> {
  const named = [...Object.keys(record.logs), ...lost.flatMap(({ logs }) => logs ?? [])];
  // A loss that names no logs may have held those asked for, whether they were seen or not.
  if (lost.some(({ logs }) => logs === null)) named.push(...(chosen.logs ?? []));
  return new Set(named.filter((log) => chosen.logs === undefined || chosen.logs.has(log)));
}

/** Whether a selected variable of the log is lost; without a choice of keys absent ones count. */
function isAnyLost(view: EpochView, log: string, chosen: Chosen): boolean {
  if (chosen.keys === undefined) return true;
  const image = view.logs.get(log);
  return image === undefined || [...chosen.keys].some((key) => image.isLost(key));
}

/** One object per range: states read from checkpoints hold copies. */
function distinct(ranges: Iterable<LostRange>): LostRange[] {
  const byName = new Map<string, LostRange>();
  for (const range of ranges) {
    const { firstSeq, untilSeq, logs }: CountedLoss = range;
    byName.set(untilSeq === undefined ? `${firstSeq}` : `${untilSeq}/${logs?.[0]}`, range);
  }
  return [...byName.values()].sort((a, b) => a.firstSeq - b.firstSeq);
}

/** The first ranges one by one; the rest added up by reason. */
function listed(node: string, ranges: readonly LostRange[], limits: CutLimits): Incomplete[] {
  const entries = ranges.slice(0, limits.lostListed).map((range) => lostEntry(node, range));
  const rest = ranges.slice(limits.lostListed);
  for (const reason of ["lost", "not-captured"] as const) {
    const ofReason = rest.filter((range) => reasonOf(range) === reason);
    const [first] = ofReason;
    const last = ofReason.at(-1);
    if (first === undefined || last === undefined) continue;
    const events = ofReason.reduce((sum, range) => sum + countOf(range), 0);
    entries.push({ node, reason, from: first.firstT, to: last.lastT, events });
  }
  return entries;
}

/** A lost range as a reason. */
export function lostEntry(node: string, range: LostRange): Incomplete {
  const entry: Incomplete = {
    node,
    reason: reasonOf(range),
    from: range.firstT,
    to: range.lastT,
    events: countOf(range),
  };
  return range.logs === null ? entry : { ...entry, logs: range.logs };
}

/** Of a damaged block the seqs are not all its own. */
function countOf(range: CountedLoss): number {
  return range.eventCount ?? range.lastSeq - range.firstSeq + 1;
}

/** Lost ranges of the epoch that touch the selection and t in (from, to]: counts over them are off. */
export function lostBetween(
  record: EpochRecord,
  ranges: readonly LostRange[],
  from: Hlc,
  to: Hlc,
  chosen: Chosen,
  limits: CutLimits,
): Incomplete[] {
  const inside = ranges.filter(
    (range) =>
      range.firstT <= to &&
      range.lastT > from &&
      (chosen.logs === undefined || [...chosen.logs].some((log) => touches(range, log))),
  );
  return listed(record.node, inside, limits);
}

/**
 * Whether a node counts for completeness at `t`: all do, but an imported one only inside its file's
 * range or when the question names it.
 */
export function countsAt(
  record: EpochRecord,
  t: Hlc,
  chosen: Chosen,
  membership: Membership,
): boolean {
  if (!record.imported || chosen.namesNodes) return true;
  for (const { spans } of membership.values()) {
    for (const { record: other } of spans) {
      if (!other.imported || !areOfOneFile(other.epoch, record.epoch)) continue;
      if (t <= Math.max(other.closed, other.lastT)) return true;
    }
  }
  return false;
}

/** Epochs made from a file's hash (`epochFromHash`) lie below this; agents' own above. */
export const FIRST_AGENT_EPOCH: number = 2 ** 37;
/** A file numbers the runs of a node from its own epoch upwards; two files are this near by chance only. */
const RUNS_PER_FILE = 2 ** 20;

/**
 * Files that name the agents' own epochs count as one, so that a part that is behind shows. Where this
 * errs, it takes two files for one, and calls less complete.
 */
function areOfOneFile(a: number, b: number): boolean {
  if (a >= FIRST_AGENT_EPOCH || b >= FIRST_AGENT_EPOCH) return Math.min(a, b) >= FIRST_AGENT_EPOCH;
  return Math.abs(a - b) < RUNS_PER_FILE;
}
