/** What there is: nodes, logs and variables, the extent of history, how far it is known. */
import { type Hlc, type Json, MAX_HLC, type Value, ValueSet } from "../../agent/kernel/index.ts";
import type { EpochRecord } from "../store/history-store.ts";
import { type CutContext, membersNow } from "./context.ts";
import { indexAfter } from "./epoch-source.ts";
import type { EpochView } from "./epoch-view.ts";
import type { LogSummary, NodeSummary } from "./history.ts";
import { unknownBy } from "./log-image.ts";
import { withAllSeqs } from "./losses.ts";
import {
  compareText,
  type EpochSpan,
  NEVER,
  type NodeSpans,
  spanAt,
  statusOf,
} from "./membership.ts";
import { beginningOf, knownSince } from "./pruned.ts";
import type { Work } from "./turns.ts";

export function extentOf({
  store,
}: CutContext): { readonly first: Hlc; readonly last: Hlc } | undefined {
  let first = Number.POSITIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  for (const record of store.epochs()) {
    if (record.named === true) continue;
    first = Math.min(first, beginningOf(store, record));
    last = Math.max(last, record.joined, record.lastT);
  }
  return first > last ? undefined : { first: first as Hlc, last: last as Hlc };
}

/**
 * The lowest watermark of the nodes that are members now, suspect ones included: to leave a silent
 * node out would call cuts complete that are not.
 */
export function liveWatermarkOf(context: CutContext): Hlc | undefined {
  let lowest: Hlc | undefined;
  for (const { latest } of membersNow(context).values()) {
    const { end, imported, watermark } = latest.record;
    if (end !== null || imported) continue;
    if (lowest === undefined || watermark < lowest) lowest = watermark;
  }
  return lowest;
}

export function nodeSummaries(context: CutContext): NodeSummary[] {
  return [...membersNow(context).values()].map((node) => {
    const { record } = node.latest;
    const records = node.spans.map((span) => span.record);
    return {
      node: node.node,
      service: record.service,
      tags: record.tags,
      epoch: record.epoch,
      epochs: epochList(node),
      status: statusOf(record, context.timers.nowMs(), context.limits.suspectAfterMs),
      joined: record.joined,
      retainedFrom: retainedFrom(context, node),
      watermark: record.watermark,
      lastT: Math.max(...records.map(({ lastT }) => lastT)) as Hlc,
      eventCount: records.reduce((sum, { eventCount }) => sum + eventCount, 0),
      agent: (record.status ?? null) as Json | null,
      lost: records.flatMap((one) => context.source.lostRanges(one).map(withAllSeqs)),
    };
  });
}

/** Where the history of a node begins that retention has left; null: where the node began. */
function retainedFrom({ store }: CutContext, node: NodeSpans): Hlc | null {
  const [{ record }] = node.spans;
  const beginning = knownSince(store, node);
  const isWhole =
    beginning === record.joined && !store.gone().some((one) => one.node === node.node);
  return isWhole ? null : beginning;
}

/** The epochs of a node with the time each ended, null while it goes on. */
export function epochList({ spans }: NodeSpans): NodeSummary["epochs"] {
  return spans.map(({ record, until }) => ({
    epoch: record.epoch,
    joined: record.joined,
    end: until === NEVER ? null : until,
  }));
}

/** Every log ever seen, and those that lost ranges name. */
export function logNames(context: CutContext): string[] {
  const names = new Set<string>();
  for (const { spans } of membersNow(context).values()) {
    for (const { record } of spans) {
      for (const log of Object.keys(record.logs)) names.add(log);
      for (const range of record.lost) for (const log of range.logs ?? []) names.add(log);
    }
  }
  return [...names].sort(compareText);
}

/** Logs of every node with their variables at the end of the range, or of their node. */
export function* schemaOf(
  context: CutContext,
  range?: { readonly from: Hlc; readonly to: Hlc },
): Work<LogSummary[]> {
  const found: LogSummary[] = [];
  for (const node of membersNow(context).values()) {
    for (const one of yield* logsOfNode(context, node, range)) found.push(one);
    yield;
  }
  return found;
}

function* logsOfNode(
  context: CutContext,
  node: NodeSpans,
  range: { readonly from: Hlc; readonly to: Hlc } | undefined,
): Work<LogSummary[]> {
  const span = spanAt(node, range?.to ?? node.latest.record.lastT) ?? node.spans[0];
  const view = viewOf(context, span, range?.to ?? NEVER);
  const variables = variablesOf(view);
  const counts = new Map<string, number>();
  for (const { record } of node.spans) {
    for (const [log, count] of yield* changeCounts(context, record, range)) {
      counts.set(log, (counts.get(log) ?? 0) + count);
    }
  }
  for (const log of variables.keys()) if (!counts.has(log)) counts.set(log, 0);
  return [...counts.keys()].sort(compareText).flatMap((log) => {
    const known = variables.get(log) ?? [];
    const changeCount = counts.get(log) ?? 0;
    if (range !== undefined && changeCount === 0 && known.length === 0) return [];
    const unknown = unknownBy(view.lostOf(log));
    return [
      {
        node: node.node,
        service: span.record.service,
        log,
        changeCount,
        variables: known.slice(0, context.limits.schemaVariables),
        variableCount: known.length,
        ...(unknown === undefined ? {} : { unknown }),
      },
    ];
  });
}

/** The state at `t`, or at the last moment that the epoch was its node's state. */
function viewOf(context: CutContext, { record, until }: EpochSpan, t: Hlc): EpochView {
  return context.source.viewAt(record, Math.min(t, until - 1, MAX_HLC) as Hlc);
}

function variablesOf({
  logs,
}: EpochView): ReadonlyMap<string, readonly { readonly key: string; readonly type: string }[]> {
  return new Map(
    [...logs].map(([log, image]) => [
      log,
      [...image]
        .map(([key, value]) => ({ key, type: typeOf(value) }))
        .sort((a, b) => compareText(a.key, b.key)),
    ]),
  );
}

function typeOf(value: Value): string {
  if (value === null) return "null";
  if (value instanceof ValueSet) return "set";
  return Array.isArray(value) ? "array" : typeof value;
}

/** Changes per log in [from, to]; events are read only where the range cuts through the log's time. */
function* changeCounts(
  context: CutContext,
  record: EpochRecord,
  range: { readonly from: Hlc; readonly to: Hlc } | undefined,
): Work<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  const partial = new Set<string>();
  for (const [log, { firstT, lastT, changeCount }] of Object.entries(record.logs)) {
    if (range === undefined || (range.from <= firstT && lastT <= range.to)) {
      counts.set(log, changeCount);
    } else if (firstT <= range.to && lastT >= range.from) {
      partial.add(log);
    }
  }
  if (range === undefined || partial.size === 0) return counts;
  const choice = { logs: partial, messages: false, rest: false };
  for (const { events } of context.source.batches(record.id, range.from, range.to, { choice })) {
    const end = indexAfter(events.t, range.to, events.count);
    for (let i = indexAfter(events.t, (range.from - 1) as Hlc, events.count); i < end; i += 1) {
      if ((events.kind[i] as number) > 3) continue;
      const log = events.variables[events.ref[i] as number]?.log as string;
      if (partial.has(log)) counts.set(log, (counts.get(log) ?? 0) + 1);
    }
    yield;
  }
  return counts;
}
