/**
 * The cut at T: every node's state, and whether it is complete and consistent, or why not.
 *
 * The parts: members (membership.ts), states (epoch-source.ts), what is missing (completeness.ts),
 * violations (from the store's index), messages in flight (in-flight.ts).
 */

import {
  formatHlc,
  formatIsoMicros,
  type Hlc,
  RetroError,
  type Value,
} from "../../agent/kernel/index.ts";
import type { EpochRecord, HistoryStore } from "../store/history-store.ts";
import { missingBeginning } from "./beginnings.ts";
import { contended, countsAt, lostVariables, missingEvents } from "./completeness.ts";
import { type CutContext, membersNow } from "./context.ts";
import type { EpochView } from "./epoch-view.ts";
import type {
  Cut,
  CutNode,
  Incomplete,
  NodeStatus,
  Selection,
  UncheckedChannel,
} from "./history.ts";
import { inFlightAt, inFlightGaps, recordsIfSent } from "./in-flight.ts";
import type { LogImage } from "./log-image.ts";
import {
  type EpochSpan,
  isActiveAt,
  type Membership,
  type NodeSpans,
  spanAt,
  statusOf,
} from "./membership.ts";
import {
  beginningOf,
  forgottenMessages,
  goneBetween,
  goneMembers,
  goneRival,
  knownSince,
  outsideRetention,
} from "./pruned.ts";
import { type Chosen, choose } from "./selection.ts";
import type { Work } from "./turns.ts";
import { unknownSenders } from "./unknown-senders.ts";
import {
  countOf,
  type Violations,
  violationOf,
  violationsAt,
  violationsOf,
} from "./violations-at.ts";

type LogsOfCut = CutNode["logs"];

const NO_LOGS: LogsOfCut = new Map();

/** All of a cut but its messages: what is known before any of them is read. */
interface Draft {
  readonly membership: Membership;
  readonly chosen: Chosen;
  readonly nodes: Map<string, CutNode>;
  readonly members: readonly string[];
  readonly incomplete: readonly Incomplete[];
  readonly unchecked: readonly UncheckedChannel[];
  readonly views: ReadonlyMap<number, EpochView>;
}

/** @throws RetroError `unknown-node`, `unknown-log`; `outside-retention` if `t` is before all that is stored */
export function cutAt(context: CutContext, t: Hlc, selection: Selection = {}): Cut {
  const draft = draftOf(context, t, selection);
  const isChosen = chosenIn(draft);
  const listed = violationsAt(context, t, draft.chosen.namesNodes, isChosen);
  return cutOf(context, t, draft, { listed, count: countOf(listed) });
}

/**
 * The same with pauses where much may be to read: messages around `t` that nobody has joined yet, and
 * violations of others where some nodes are asked for. In between more may be stored: the states, and what is
 * said of them, are of one turn; violations are looked up after it, so that none of theirs is missed.
 */
export function* cutSteps(context: CutContext, t: Hlc, selection: Selection = {}): Work<Cut> {
  let draft = draftOf(context, t, selection);
  const senders = recordsIfSent(context, draft.membership, draft.views, t);
  if (senders !== undefined && !context.windows.isJoined(senders, t)) {
    yield* context.windows.joinAround(senders, t);
    draft = draftOf(context, t, selection);
  }
  const { namesNodes } = draft.chosen;
  if (!namesNodes) {
    const listed = violationsAt(context, t, false, () => true);
    return cutOf(context, t, draft, { listed, count: countOf(listed) });
  }
  const cut = cutOf(context, t, draft, { listed: [], count: 0 });
  const violations = yield* violationsOf(context, t, chosenIn(draft));
  return withViolations(cut, violations, context.limits.cutListed);
}

function chosenIn({ chosen, nodes }: Draft): (node: string) => boolean {
  return (node) => !chosen.namesNodes || nodes.has(node);
}

function draftOf(context: CutContext, t: Hlc, selection: Selection): Draft {
  const membership = membersNow(context);
  const chosen = choose(selection, membership);
  refuseOutside(context, membership, chosen, t);
  const nodes = new Map<string, CutNode>();
  const members: string[] = [];
  const incomplete: Incomplete[] = [];
  const unchecked: UncheckedChannel[] = [];
  const views = new Map<number, EpochView>();
  for (const node of chosen.nodes) {
    const span = spanAt(node, t);
    incomplete.push(...unknownRuns(context, node, span, t, chosen, membership));
    if (span === undefined || !isActiveAt(span, t)) {
      nodes.set(node.node, absentNode(context, node, span));
      continue;
    }
    members.push(node.node);
    const view = context.source.viewAt(span.record, t, chosen.logs);
    views.set(span.record.id, view);
    nodes.set(node.node, presentNode(context, node, span, logsOf(view, chosen)));
    unchecked.push(...uncheckedOf(span.record));
    const isKnown = t >= beginningOf(context.store, span.record);
    if (isKnown && countsAt(span.record, t, chosen, membership)) {
      incomplete.push(...gapsAt(context, span, view, t, chosen));
    }
  }
  if (!chosen.namesNodes) {
    incomplete.push(...goneMembers(context.store, (node) => membership.has(node), t));
  }
  incomplete.push(...forgottenMessages(context.store, t));
  for (const one of unknownSenders(context, membership, views, t, chosen)) incomplete.push(one);
  return { membership, chosen, nodes, members, incomplete, unchecked, views };
}

function cutOf(context: CutContext, t: Hlc, draft: Draft, violations: Violations): Cut {
  const { membership, chosen, nodes, members, incomplete, unchecked, views } = draft;
  const inFlight = inFlightAt(context, membership, views, t, chosenIn(draft));
  const most = context.limits.cutListed;
  const gaps = inFlightGaps(context, membership, t, (record) =>
    countsAt(record, t, chosen, membership),
  );
  const totals = {
    incomplete: incomplete.length,
    violations: violations.count,
    inFlight: inFlight.length + context.slow.moreAt(t),
  };
  const isLong =
    totals.incomplete > most ||
    totals.violations > Math.min(most, violations.listed.length) ||
    totals.inFlight > Math.min(most, inFlight.length);
  return {
    at: t,
    complete: incomplete.length === 0,
    incomplete: incomplete.length > most ? incomplete.slice(0, most) : incomplete,
    members,
    consistent: violations.count === 0,
    violations: violations.listed.slice(0, most).map(violationOf),
    unchecked,
    nodes,
    inFlight: inFlight.length > most ? inFlight.slice(-most) : inFlight,
    inFlightComplete: gaps.length === 0 && !context.slow.isCutShortAt(t),
    inFlightIncomplete: gaps.slice(0, most),
    ...(isLong ? { totals } : {}),
  };
}

/** A cut that was made without them. */
function withViolations(cut: Cut, { listed, count }: Violations, most: number): Cut {
  const violations = listed.slice(0, most).map(violationOf);
  const {
    totals = { incomplete: cut.incomplete.length, violations: 0, inFlight: cut.inFlight.length },
  } = cut;
  const isLong = cut.totals !== undefined || count > violations.length;
  return {
    ...cut,
    consistent: count === 0,
    violations,
    ...(isLong ? { totals: { ...totals, violations: count } } : {}),
  };
}

/**
 * What makes it uncertain which run is the node's state at `t`: a later one may have begun, whose
 * beginning has not arrived; an earlier one may still go on.
 */
export function unknownRuns(
  { store, timers, limits }: CutContext,
  node: NodeSpans,
  span: EpochSpan | undefined,
  t: Hlc,
  chosen: Chosen,
  membership: Membership,
): Incomplete[] {
  const rival = contended(span, t, timers.nowMs(), limits);
  const found = rival === undefined ? [] : [rival];
  const gone = goneRival(store, span, t);
  if (gone !== undefined) found.push(gone);
  const isMember = span !== undefined && isActiveAt(span, t);
  const before = isMember ? outsideRetention(store, span.record, t) : undefined;
  found.push(...(before === undefined ? [] : [before]), ...goneBetween(store, node.node, t, t));
  const missing = missingBeginning(node, span, t);
  if (missing === undefined || !countsAt(missing.record, t, chosen, membership)) return found;
  return [...found, missing.entry];
}

/** What is missing or lost from one active epoch's part. */
export function gapsAt(
  context: CutContext,
  span: EpochSpan,
  view: EpochView,
  t: Hlc,
  chosen: Chosen,
): Incomplete[] {
  return [
    ...missingEvents(span, t, context.timers.nowMs(), context.limits),
    ...lostVariables(span.record, view, chosen, context.limits),
  ];
}

/** Before all that is known, or where all of the selection is outside retention. */
function refuseOutside(
  { store }: CutContext,
  membership: Membership,
  { nodes }: Chosen,
  t: Hlc,
): void {
  if (nodes.length === 0) return;
  let earliest = Number.POSITIVE_INFINITY;
  for (const node of membership.values()) {
    earliest = Math.min(earliest, knownSince(store, node));
  }
  if (t >= earliest) {
    const known = nodes.map((node) => knownFrom(store, node, t));
    if (known.includes(undefined)) return;
    earliest = Math.min(...(known as Hlc[]));
  }
  const first = formatIsoMicros(earliest as Hlc);
  throw new RetroError("outside-retention", "nothing is known of that time", {
    hint: `The earliest time known is ${first}.`,
    details: { earliest: { hlc: formatHlc(earliest as Hlc), time: first } },
  });
}

/** When the node is known again, if nothing is known of it at `t`; undefined: it is not outside retention. */
function knownFrom(store: HistoryStore, node: NodeSpans, t: Hlc): Hlc | undefined {
  const span = spanAt(node, t);
  const before = span && isActiveAt(span, t) ? outsideRetention(store, span.record, t) : undefined;
  return (before ?? goneBetween(store, node.node, t, t)[0])?.to;
}

/** A node that has not joined by then, left or expired. */
function absentNode(context: CutContext, node: NodeSpans, span: EpochSpan | undefined): CutNode {
  const { record } = span ?? node.spans[0];
  const { service, epoch, watermark } = record;
  const status = span?.record.end?.kind ?? statusNow(context, node);
  return { service, epoch, status, watermark, logs: NO_LOGS };
}

function presentNode(
  context: CutContext,
  node: NodeSpans,
  { record }: EpochSpan,
  logs: LogsOfCut,
): CutNode {
  const now = statusNow(context, node);
  // It was a member then, whatever became of it.
  const hasEnded = now === "left" || now === "expired";
  const status: NodeStatus = hasEnded ? (record.imported ? "imported" : "live") : now;
  const { service, epoch, watermark } = record;
  return { service, epoch, status, watermark, logs };
}

function statusNow({ timers, limits }: CutContext, { latest }: NodeSpans): NodeStatus {
  return statusOf(latest.record, timers.nowMs(), limits.suspectAfterMs);
}

/** The logs of a view that hold a selected variable. */
export function logsOf(view: EpochView, { keys }: Chosen): LogsOfCut {
  const logs = new Map<string, ReadonlyMap<string, Value>>();
  for (const [log, image] of view.logs) {
    const variables = keys === undefined ? image : only(image, keys);
    if (variables.size > 0) logs.set(log, variables);
  }
  return logs;
}

function only(image: LogImage, keys: ReadonlySet<string>): ReadonlyMap<string, Value> {
  const found = new Map<string, Value>();
  for (const key of keys) {
    const value = image.get(key);
    if (value !== undefined) found.set(key, value);
  }
  return found;
}

/** What the agent of this epoch says of messages without our stamp. Its word: checked here. */
export function uncheckedOf({ node, status }: EpochRecord): UncheckedChannel[] {
  const { unstamped } = (status ?? {}) as { readonly unstamped?: unknown };
  if (!Array.isArray(unstamped)) return [];
  return unstamped.flatMap((channel: unknown): UncheckedChannel[] => {
    if (channel === null || typeof channel !== "object") return [];
    const { peer, direction, count } = channel as Readonly<Record<string, unknown>>;
    if (typeof peer !== "string" || typeof count !== "number") return [];
    const [from, to] = direction === "in" ? [null, node] : [node, null];
    return [{ from, to, peer, count }];
  });
}
