/**
 * The versions of one variable: its value at `from`, then every change up to `to`, with what was lost
 * between and where a new run of the node began without it.
 */
import { type Hlc, RetroError } from "../../agent/kernel/index.ts";
import { type CutContext, membersNow } from "./context.ts";
import type { VariableVersion } from "./history.ts";
import { isActiveAt, type NodeSpans, spanAt } from "./membership.ts";
import { type Happening, happenings } from "./node-walk.ts";
import { type Chosen, choose } from "./selection.ts";
import type { Work } from "./turns.ts";

/**
 * Versions in [from, to]. The first is the value at `from`, dated `from`, unless a change happened at
 * that very time (then it speaks for itself) or there is no such variable. A page ends between two
 * times, never inside one; `next` is where the following page begins.
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
    if (versions.length >= most && isNewTime) return { versions, next: version.at };
    versions.push(version);
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
  const place = { at: t, epoch: span.record.epoch, seq };
  const value = image.get(key);
  if (value !== undefined) return [{ ...place, value }];
  const unknown = image.unknownOf(key);
  return unknown === undefined ? [] : [{ ...place, unknown }];
}
