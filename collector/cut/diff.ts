/**
 * What differs between the cuts at `from` and at `to`, and how often each variable changed between.
 * A node that joined, left or restarted between makes its variables appear and vanish.
 */
import { type Hlc, RetroError, valuesEqual } from "../../agent/kernel/index.ts";
import { countsAt } from "./completeness.ts";
import { type CutContext, membersNow } from "./context.ts";
import { gapsAt, logsOf, unknownRuns } from "./cut-at.ts";
import { indexAfter } from "./epoch-source.ts";
import type { EpochView } from "./epoch-view.ts";
import type { CutNode, Diff, Incomplete, Selection, VariableDiff } from "./history.ts";
import { lossesInside, withoutRepeats } from "./losses-inside.ts";
import { compareText, isActiveAt, type Membership, type NodeSpans, spanAt } from "./membership.ts";
import { type Chosen, choose } from "./selection.ts";
import type { Work } from "./turns.ts";
import { unheardBetween } from "./unknown-senders.ts";
import { beforeAfter, type Held, isChosen } from "./variables.ts";

/** Changes by log, then key. */
type Counts = Map<string, Map<string, number>>;

/** @throws RetroError `bad-parameter` unless from <= to; `unknown-node`, `unknown-log` */
export function* diffBetween(
  context: CutContext,
  from: Hlc,
  to: Hlc,
  selection: Selection = {},
  options: { readonly all?: boolean } = {},
): Work<Diff> {
  if (from > to) {
    throw new RetroError("bad-parameter", "a diff ends before it begins", {
      hint: "Give the earlier time first.",
    });
  }
  const membership = membersNow(context);
  const chosen = choose(selection, membership);
  const changes: VariableDiff[] = [];
  const incomplete: Incomplete[] = [];
  for (const node of chosen.nodes) {
    const before = stateAt(context, membership, node, from, chosen);
    const after = stateAt(context, membership, node, to, chosen);
    incomplete.push(...before.incomplete, ...after.incomplete);
    incomplete.push(...lossesInside(context, membership, node, from, to, chosen));
    const counts = yield* countChanges(context, node, from, to, chosen);
    for (const one of differences(node.node, before, after, counts, options.all ?? false)) {
      changes.push(one);
    }
    yield;
  }
  incomplete.push(...unheardBetween(context, membership, from, to, chosen));
  const distinct = withoutRepeats(incomplete);
  return { from, to, complete: distinct.length === 0, incomplete: distinct, changes };
}

/** A node's part of one of the two cuts. */
interface NodeState {
  readonly logs: CutNode["logs"];
  /** Undefined where the node was no member: then nothing of it was there. */
  readonly view?: EpochView;
  readonly incomplete: readonly Incomplete[];
}

function stateAt(
  context: CutContext,
  membership: Membership,
  node: NodeSpans,
  t: Hlc,
  chosen: Chosen,
): NodeState {
  const span = spanAt(node, t);
  const beginning = unknownRuns(context, node, span, t, chosen, membership);
  if (span === undefined || !isActiveAt(span, t)) return { logs: new Map(), incomplete: beginning };
  const view = context.source.viewAt(span.record, t, chosen.logs);
  const counts = countsAt(span.record, t, chosen, membership);
  return {
    logs: logsOf(view, chosen),
    view,
    incomplete: [...beginning, ...(counts ? gapsAt(context, span, view, t, chosen) : [])],
  };
}

/** Changes in (from, to], each while its epoch was its node's state. */
function* countChanges(
  context: CutContext,
  node: NodeSpans,
  from: Hlc,
  to: Hlc,
  chosen: Chosen,
): Work<Counts> {
  const counts: Counts = new Map();
  for (const { record, until } of node.spans) {
    const last = Math.min(to, until - 1) as Hlc;
    if (record.joined > last || record.lastT <= from || last <= from) continue;
    const choice = { logs: chosen.logs, messages: false, rest: false };
    for (const { events } of context.source.batches(record.id, from, last, { choice })) {
      const byVariable = new Uint32Array(events.variables.length);
      const end = indexAfter(events.t, last, events.count);
      for (let i = indexAfter(events.t, from, events.count); i < end; i += 1) {
        if ((events.kind[i] as number) > 3) continue;
        const variable = events.ref[i] as number;
        byVariable[variable] = (byVariable[variable] as number) + 1;
      }
      for (const [index, { log, key }] of events.variables.entries()) {
        const count = byVariable[index] as number;
        if (count === 0 || !isChosen(chosen, log, key)) continue;
        const keys = counts.get(log) ?? new Map<string, number>();
        counts.set(log, keys);
        keys.set(key, (keys.get(key) ?? 0) + count);
      }
      yield;
    }
  }
  return counts;
}

function differences(
  node: string,
  before: NodeState,
  after: NodeState,
  counts: Counts,
  all: boolean,
): VariableDiff[] {
  const logs = new Set([...before.logs.keys(), ...after.logs.keys(), ...counts.keys()]);
  return [...logs].sort(compareText).flatMap((log) => {
    const old = before.logs.get(log);
    const now = after.logs.get(log);
    const counted = counts.get(log);
    const keys = new Set([
      ...(old?.keys() ?? []),
      ...(now?.keys() ?? []),
      ...(counted?.keys() ?? []),
    ]);
    return [...keys].sort(compareText).flatMap((key) => {
      const count = counted?.get(key) ?? 0;
      const pair = [heldAt(before, log, key), heldAt(after, log, key)] as const;
      if (!all && valuesEqual(pair[0].value, pair[1].value)) return [];
      return [{ node, log, key, ...beforeAfter(...pair), count }];
    });
  });
}

function heldAt({ logs, view }: NodeState, log: string, key: string): Held {
  const value = logs.get(log)?.get(key);
  return value === undefined ? { unknown: view?.unknownOf(log, key) } : { value };
}
