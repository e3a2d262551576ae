/**
 * The versions of one variable: its value at `from`, then every change up to `to`, with what was lost
 * between and where a new run of the node began without it.
 */
import {
  type Hlc,
  KindCode,
  RetroError,
  type Value,
  valueAt,
  valuesEqual,
} from "../../agent/kernel/index.ts";
import { type EventRows, seqAt } from "../store/segment-rows.ts";
import { type CutContext, membersNow } from "./context.ts";
import { indexAfter } from "./epoch-source.ts";
import { touches } from "./epoch-view.ts";
import type { VariableVersion } from "./history.ts";
import { type EpochSpan, isActiveAt, type NodeSpans, spanAt } from "./membership.ts";
import { type Happening, happenings } from "./node-walk.ts";
import { beginningOf } from "./pruned.ts";
import { type Chosen, choose } from "./selection.ts";
import type { Work } from "./turns.ts";
import { weightOfVersion } from "./weights.ts";

/**
 * Versions in [from, to]. The first is the value at `from`, unless a change happened at that very time
 * (then it speaks for itself) or there is no such variable. It has the time since which it has been so, as far
 * as that can be looked up (`beganAt`), else `from`. A page ends between two
 * times, never inside one, and soon after it has `limits.pageBytes`; `next` is where the following page begins.
 * @throws RetroError `bad-parameter`, `unknown-node`, `unknown-log`
 */
export function* variableHistory(
  context: CutContext,
  node: string,
  log: string,
  key: string,
  range: { readonly from: Hlc; readonly to: Hlc },
  limit: number,
): Work<{ readonly versions: readonly VariableVersion[]; readonly next: Hlc | undefined }> {
  if (!(limit >= 1)) {
    throw new RetroError("bad-parameter", `cannot give ${limit} versions`, {
      hint: "Ask for 1 or more.",
    });
  }
  const most = Math.min(limit, context.limits.pageSize);
  const chosen = choose({ nodes: [node], logs: [log], keys: [key] }, membersNow(context));
  const spans = chosen.nodes[0] as NodeSpans;
  const justBefore = (range.from - 1) as Hlc;
  const versions: VariableVersion[] = [];
  let bytes = 0;
  for (const one of happenings(context, spans, justBefore, range.to, chosen)) {
    if (one === undefined) {
      yield;
      continue;
    }
    const version = versionOf(one);
    if (version === undefined) continue;
    if (versions.length === 0 && version.at > range.from) {
      versions.push(...startAt(context, spans, log, key, range.from, chosen));
    }
    const isNewTime = versions.at(-1)?.at !== version.at;
    const isFull = versions.length >= most || bytes > context.limits.pageBytes;
    if (versions.length > 0 && isFull && isNewTime) return { versions, next: version.at };
    versions.push(version);
    bytes += weightOfVersion(version.value);
  }
  if (versions.length === 0) {
    versions.push(...startAt(context, spans, log, key, range.from, chosen));
  }
  return { versions, next: undefined };
}

function versionOf({ t, epoch, seq, change, unknown }: Happening): VariableVersion | undefined {
  const { kind, log, key } = change;
  if ((kind === "join" || kind === "leave") && log === "" && key === "") return undefined;
  const place = { at: t, epoch, seq };
  if (unknown !== undefined) return { ...place, unknown };
  return change.after === undefined
    ? { ...place, deleted: true }
    : { ...place, value: change.after };
}

/** The value at `t`, if the node is a member and the variable exists or is lost. */
function startAt(
  context: CutContext,
  spans: NodeSpans,
  log: string,
  key: string,
  t: Hlc,
  chosen: Chosen,
): VariableVersion[] {
  const span = spanAt(spans, t);
  if (span === undefined || !isActiveAt(span, t)) return [];
  const view = context.source.viewAt(span.record, t, chosen.logs);
  const image = view.image(log);
  // Of whatever kind, though the view may have passed over those that do not change it.
  const seq = Math.max(view.seq, context.source.lastSeqBy(span.record.id, t));
  const { epoch } = span.record;
  const value = image.get(key);
  if (value !== undefined) {
    const began = beganAt(context, span, { log, key, value }, t) ?? { at: t, seq };
    return [{ ...began, epoch, value }];
  }
  const unknown = image.unknownOf(key);
  if (unknown === undefined) return [];
  return [{ at: t, epoch, seq, unknown }];
}

/** Batches looked through for when a value began. */
const LOOK_BACK_BATCHES = 256;

/**
 * When what a variable holds at `t` began: at its last change, or at the keyframe that made it known
 * after a loss or at the beginning. Undefined: longer ago than is looked.
 */
function beganAt(
  { source, store }: CutContext,
  { record }: EpochSpan,
  { log, key, value }: { readonly log: string; readonly key: string; readonly value: Value },
  t: Hlc,
): { readonly at: Hlc; readonly seq: number } | undefined {
  const beginning = beginningOf(store, record);
  const lostSeq = source
    .lostRanges(record)
    .filter((range) => range.firstT <= t && touches(range, log))
    .reduce((last, { lastSeq }) => Math.max(last, lastSeq), 0);
  let known: { readonly at: Hlc; readonly seq: number } | undefined;
  let batches = 0;
  const choice = { logs: new Set([log]), messages: false, rest: false };
  const options = { choice, reverse: true };
  for (const batch of source.batches(record.id, beginning, t, options)) {
    const { events } = batch;
    for (let i = indexAfter(events.t, t, events.count) - 1; i >= 0; i -= 1) {
      const seq = seqAt(batch, i);
      // What was before the loss is not what is known after it.
      if (seq <= lostSeq) return known;
      const place = { at: events.t[i] as Hlc, seq };
      const held = heldAfter(batch, i, log, key);
      if (held === undefined) continue;
      // Of a change to a set the outcome is not in it: right before the value it made that.
      if (held === "changed") return known ?? place;
      if (!valuesEqual(held.value, value)) return known;
      if (held.isChange) return place;
      known = place;
    }
    batches += 1;
    if (batches === LOOK_BACK_BATCHES) return undefined;
  }
  // Of a run that is pruned the beginning is elsewhere; it is at the latest where its history begins.
  return beginning > record.joined ? undefined : known;
}

/** What an event says that the variable holds after it; undefined: it is about others. */
function heldAfter(
  { events }: EventRows,
  i: number,
  log: string,
  key: string,
): { readonly value: Value | undefined; readonly isChange: boolean } | "changed" | undefined {
  const code = events.kind[i] as number;
  if (code > 3) {
    if (code !== KindCode.keyframe) return undefined;
    const body = events.bodies[events.ref[i] as number];
    if (body?.kind !== "keyframe" || body.log !== log) return undefined;
    return { value: body.state.get(key), isChange: false };
  }
  const variable = events.variables[events.ref[i] as number];
  if (variable?.log !== log || variable.key !== key) return undefined;
  if (code === KindCode.delete) return { value: undefined, isChange: true };
  return code === KindCode.set ? { value: valueAt(events, i), isChange: true } : "changed";
}
