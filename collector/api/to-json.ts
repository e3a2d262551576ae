/**
 * Answers of the cut engine in the JSON of shapes.ts.
 *
 * Names of nodes, logs and variables come from outside and become keys here, so every object that is
 * keyed by them has no prototype: `__proto__` is a name like any other.
 */
import {
  formatHlc,
  type Hlc,
  type Json,
  type LostRange,
  toJsonForm,
} from "../../agent/kernel/index.ts";
import type {
  BeforeAfter,
  Cut,
  CutNode,
  Diff,
  EventPage,
  Incomplete,
  LogSummary,
  NodeSummary,
  Step,
  Timeline,
  VariableVersion,
  Violation,
} from "../cut/history.ts";
import type { NodeOffsetsJson } from "./audit-shapes.ts";
import { eventLineJson } from "./event-line-json.ts";
import type {
  BeforeAfterJson,
  CutJson,
  DiffJson,
  EventRefJson,
  EventsJson,
  IncompleteJson,
  LostRangeJson,
  NodesJson,
  SchemaJson,
  StepsJson,
  TimelineJson,
  VariableHistoryJson,
} from "./shapes.ts";
import { hJson } from "./time-json.ts";

export function cutJson(cut: Cut): CutJson {
  return {
    at: hJson(cut.at),
    complete: cut.complete,
    incomplete: cut.incomplete.map(incompleteJson),
    members: cut.members,
    consistent: cut.consistent,
    violations: cut.violations.map(violationJson),
    unchecked: cut.unchecked.map(({ from, to, peer, count }) => ({ from, to, peer, count })),
    nodes: byName(cut.nodes, cutNodeJson),
    inFlight: cut.inFlight.map(({ id, from, to, peer, sentAt }) => ({
      id,
      from,
      to,
      peer,
      sentAt: hJson(sentAt),
    })),
    inFlightComplete: cut.inFlightComplete,
    inFlightIncomplete: cut.inFlightIncomplete.map(incompleteJson),
    ...(cut.totals === undefined ? {} : { totals: cut.totals }),
  };
}

function cutNodeJson(node: CutNode): CutJson["nodes"][string] {
  return {
    service: node.service,
    epoch: node.epoch,
    status: node.status,
    watermark: hJson(node.watermark),
    logs: byName(node.logs, (variables) => byName(variables, toJsonForm)),
  };
}

export function incompleteJson(entry: Incomplete): IncompleteJson {
  return {
    node: entry.node,
    reason: entry.reason,
    ...(entry.from === undefined ? {} : { from: hJson(entry.from) }),
    ...(entry.to === undefined ? {} : { to: hJson(entry.to) }),
    ...(entry.events === undefined ? {} : { events: entry.events }),
    ...(entry.seq === undefined ? {} : { seq: entry.seq }),
    ...(entry.after === undefined ? {} : { after: hJson(entry.after) }),
    ...(entry.logs === undefined ? {} : { logs: entry.logs }),
  };
}

export function violationJson({
  send,
  receive,
  channel,
}: Violation): CutJson["violations"][number] {
  return { send: eventRefJson(send), receive: eventRefJson(receive), channel };
}

export function eventRefJson({ node, epoch, seq, t }: Violation["send"]): EventRefJson {
  return { node, epoch, seq, at: hJson(t) };
}

export function diffJson(diff: Diff): DiffJson {
  return {
    from: hJson(diff.from),
    to: hJson(diff.to),
    complete: diff.complete,
    incomplete: diff.incomplete.map(incompleteJson),
    changes: diff.changes.map((change) => ({
      node: change.node,
      log: change.log,
      key: change.key,
      ...beforeAfterJson(change),
      count: change.count,
    })),
  };
}

export function stepsJson(steps: readonly Step[]): Pick<StepsJson, "steps"> {
  return {
    steps: steps.map(({ at, changes }) => ({
      at: hJson(at),
      changes: changes.map((change) => ({
        node: change.node,
        log: change.log,
        key: change.key,
        kind: change.kind,
        ...beforeAfterJson(change),
      })),
    })),
  };
}

function beforeAfterJson(change: BeforeAfter): BeforeAfterJson {
  const { beforeUnknown, afterUnknown } = change;
  return {
    ...(change.before === undefined ? {} : { before: toJsonForm(change.before) }),
    ...(change.after === undefined ? {} : { after: toJsonForm(change.after) }),
    ...(beforeUnknown === undefined ? {} : { beforeUnknown }),
    ...(afterUnknown === undefined ? {} : { afterUnknown }),
  };
}

export function variableHistoryJson(page: {
  readonly versions: readonly VariableVersion[];
  readonly next: Hlc | undefined;
}): Pick<VariableHistoryJson, "values" | "next"> {
  return {
    values: page.versions.map((version) => ({
      at: hJson(version.at),
      epoch: version.epoch,
      seq: version.seq,
      ...(version.value === undefined ? {} : { value: toJsonForm(version.value) }),
      ...(version.deleted ? { deleted: true as const } : {}),
      ...(version.unknown === "lost" ? { lost: true as const } : {}),
      ...(version.unknown === "not-captured" ? { notCaptured: true as const } : {}),
    })),
    ...(page.next === undefined ? {} : { next: formatHlc(page.next) }),
  };
}

export function nodesJson(answer: {
  readonly now: Hlc;
  readonly extent: { readonly first: Hlc; readonly last: Hlc } | undefined;
  readonly watermark: Hlc | undefined;
  readonly nodes: readonly NodeSummary[];
  /** Ranges not captured that are listed per node. */
  readonly listed: number;
  /** How far the clocks of others are ahead of the node's. */
  readonly offsetsOf: (node: string) => NodeOffsetsJson | null;
}): NodesJson {
  const { now, extent, watermark, nodes, listed, offsetsOf } = answer;
  return {
    now: hJson(now),
    extent: extent === undefined ? null : { first: hJson(extent.first), last: hJson(extent.last) },
    watermark: watermark === undefined ? null : hJson(watermark),
    nodes: nodes.map((one) => nodeJson(one, listed, offsetsOf(one.node))),
  };
}

function nodeJson(
  summary: NodeSummary,
  listed: number,
  offsets: NodeOffsetsJson | null,
): NodesJson["nodes"][number] {
  const agent = plainObject(summary.agent);
  const { leadMs, clockSteps } = agent;
  return {
    node: summary.node,
    service: summary.service,
    tags: summary.tags,
    epoch: summary.epoch,
    epochs: summary.epochs.map(epochJson),
    status: summary.status,
    joined: hJson(summary.joined),
    retainedFrom: summary.retainedFrom === null ? null : hJson(summary.retainedFrom),
    watermark: hJson(summary.watermark),
    hooks: agent["hooks"] ?? null,
    // What the agent counts by kind, and what arrived here.
    counts: { ...plainObject(agent["counts"] ?? null), stored: summary.eventCount },
    drops: agent["drops"] ?? null,
    stream: agent["stream"] === "on-demand" ? "on-demand" : "all",
    lost: summary.lost.filter((range) => !isNotCaptured(range)).map(lostJson),
    notCaptured: notCapturedJson(summary.lost.filter(isNotCaptured), listed),
    lead: typeof leadMs === "number" ? leadMs : null,
    clockSteps: typeof clockSteps === "number" ? clockSteps : null,
    refused: agent["refused"] ?? null,
    malformed: agent["malformed"] ?? null,
    offsets,
  };
}

function epochJson(
  epoch: NodeSummary["epochs"][number],
): NodesJson["nodes"][number]["epochs"][number] {
  return {
    epoch: epoch.epoch,
    joined: hJson(epoch.joined),
    end: epoch.end === null ? null : hJson(epoch.end),
  };
}

function isNotCaptured({ reason }: LostRange): boolean {
  return reason === "not-captured";
}

/** Ranges of all runs, in order. */
function notCapturedJson(
  ranges: readonly LostRange[],
  listed: number,
): NodesJson["nodes"][number]["notCaptured"] {
  const [first] = ranges;
  const last = ranges.at(-1);
  if (first === undefined || last === undefined) return null;
  return {
    rangeCount: ranges.length,
    events: ranges.reduce((sum, { firstSeq, lastSeq }) => sum + lastSeq - firstSeq + 1, 0),
    from: hJson(first.firstT),
    to: hJson(last.lastT),
    ranges: ranges.slice(-listed).map(lostJson),
  };
}

function lostJson(range: LostRange): LostRangeJson {
  return {
    firstSeq: range.firstSeq,
    lastSeq: range.lastSeq,
    from: hJson(range.firstT),
    to: hJson(range.lastT),
    logs: range.logs,
    messages: range.messages,
    reason: range.reason,
  };
}

/** An agent's status is whatever it sent; anything but an object counts as nothing said. */
function plainObject(value: Json): { readonly [key: string]: Json } {
  const isObject = value !== null && typeof value === "object" && !Array.isArray(value);
  return isObject ? (value as { readonly [key: string]: Json }) : {};
}

export function schemaJson(nodes: readonly NodeSummary[], logs: readonly LogSummary[]): SchemaJson {
  return {
    services: [...new Set(nodes.map(({ service }) => service))].sort(),
    nodes: nodes.map(({ node }) => node).sort(),
    logs: logs.map((one) => ({
      node: one.node,
      service: one.service,
      log: one.log,
      changes: one.changeCount,
      variableCount: one.variableCount,
      variables: one.variables,
      ...(one.unknown === undefined ? {} : { unknown: one.unknown }),
    })),
  };
}

export function eventsJson(
  page: EventPage,
  { from, to }: { readonly from: Hlc; readonly to: Hlc },
): Omit<EventsJson, "next"> {
  return {
    from: hJson(from),
    to: hJson(to),
    events: page.events.map(eventLineJson),
    complete: page.complete,
    incomplete: page.incomplete.map(incompleteJson),
  };
}

export function timelineJson(timeline: Timeline): TimelineJson {
  return {
    from: hJson(timeline.from),
    to: hJson(timeline.to),
    bucketTicks: timeline.bucketTicks,
    exact: timeline.exact,
    lanes: timeline.lanes.map((lane) => ({
      node: lane.node,
      service: lane.service,
      status: lane.status,
      epochs: lane.epochs.map(epochJson),
      watermark: hJson(lane.watermark),
      gaps: lane.gaps.map(({ from, to, reason }) => ({ from: hJson(from), to: hJson(to), reason })),
      buckets: lane.buckets.map((bucket) => [
        bucket.index,
        bucket.changes,
        bucket.sends,
        bucket.receives,
        bucket.requests,
        bucket.marks,
        bucket.worstUs,
        bucket.flagged ? 1 : 0,
      ]),
      events: lane.events?.map(eventLineJson) ?? null,
    })),
    messages: timeline.messages.map(({ from, to, sentAt, receivedAt, count }) => ({
      from,
      to,
      sentAt: hJson(sentAt),
      receivedAt: receivedAt === null ? null : hJson(receivedAt),
      count,
    })),
    ...(timeline.next === undefined ? {} : { next: timeline.next }),
  };
}

/** In order of names by code unit, so that one question has one answer, byte for byte. */
function byName<From, To>(
  entries: ReadonlyMap<string, From>,
  convert: (value: From) => To,
): { [name: string]: To } {
  const object = Object.create(null) as { [name: string]: To };
  for (const [name, value] of inOrder(entries)) object[name] = convert(value);
  return object;
}

/** Sorted only where needed: most logs come in order. */
function inOrder<From>(entries: ReadonlyMap<string, From>): Iterable<[string, From]> {
  let before = "";
  for (const name of entries.keys()) {
    if (name < before) return [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
    before = name;
  }
  return entries;
}
