/**
 * The cuts of a random history, every one rebuilt from its events by the oracle of the cut engine: what the
 * feed of states is compared with. Slow and obvious.
 */
import { type Hlc, type LostRange, valuesEqual } from "../../../../agent/kernel/index.ts";
import type { Incomplete, NodeStatus } from "../../../../collector/cut/history.ts";
import { checkText } from "../../../../collector/rql/check/check.ts";
import type {
  CutSequence,
  CutState,
  Held,
  LastChange,
  NodeAtCut,
} from "../../../../collector/rql/interpret/cut-sequence.ts";
import { interpret } from "../../../../collector/rql/interpret/interpret.ts";
import type { ResultLine } from "../../../../collector/rql/interpret/lines.ts";
import type { CutOracle } from "../../../support/cut-oracle.ts";
import type { HistoryCase } from "../../../support/history-case.ts";
import type { KnownEpoch } from "../../../support/store-history.ts";

const SUSPECT_MS = 3_000;

export interface NaiveRange {
  readonly from: Hlc;
  readonly to: Hlc;
  /** As AT NODES. */
  readonly nodes?: readonly string[];
}

/** The lines of a query that is interpreted over such cuts. It is checked against what the history knows. */
export async function naiveAnswer(
  one: HistoryCase,
  rql: string,
  { from, to }: NaiveRange,
): Promise<ResultLine[]> {
  const { history, oracle } = one;
  const known = await history.variables({ logs: history.logNames(), from, to });
  const schema = {
    logs: new Map([...known].map(([log, keys]) => [log, [...keys]] as const)),
    nodes: oracle.nodeNames(),
    services: [],
  };
  const [query] = checkText(rql, { schema, now: to });
  if (query === undefined) throw new Error("no query");
  const nodes = query.nodes === undefined ? {} : { nodes: query.nodes };
  return [...interpret(query, naiveCuts(one, { from, to, ...nodes }))];
}

/** A state at every tick at which anything may differ, and at many at which nothing does. */
export function naiveCuts(one: HistoryCase, range: NaiveRange): CutSequence {
  const { oracle } = one;
  const { from, to, nodes } = range;
  const names = oracle.nodeNames();
  return {
    from,
    to,
    nodes: names,
    services: [
      ...new Set(
        oracle.epochs
          .filter(({ model }) => nodes === undefined || nodes.includes(model.node))
          .map(({ model }) => model.service),
      ),
    ],
    cuts: {
      *[Symbol.iterator](): Generator<CutState> {
        for (const t of [from, ...ticksOf(one).filter((tick) => tick > from && tick <= to)]) {
          yield naiveState(oracle, t, nodes);
        }
      },
    },
    lastChange: (node, log, key) => naiveLastChange(one, node, log, key, from),
  };
}

/** Everything that any record or event names, and the ticks around it. */
export function ticksOf({ model, oracle }: HistoryCase): Hlc[] {
  const ticks = oracle.epochs.flatMap(({ record, lost }) => [
    ...record.stored.flatMap(({ firstT, lastT, closed }) => [firstT, lastT, closed]),
    ...lost.flatMap(({ firstT, lastT }) => [firstT, lastT]),
    ...[record.joined, record.watermark, record.closed, record.lastT, record.end?.t ?? 0],
  ]);
  const around = ticks.flatMap((t) => [t, t + 1]);
  return [...new Set([...model.times, ...around])].sort((a, b) => a - b) as Hlc[];
}

function naiveState(oracle: CutOracle, t: Hlc, named: readonly string[] | undefined): CutState {
  const nodes = new Map<string, NodeAtCut>();
  const incomplete: Incomplete[] = [];
  const asked = named === undefined ? {} : { nodes: named };
  for (const node of oracle.nodeNames()) {
    const run = oracle.runAt(node, t);
    if (run !== undefined) nodes.set(node, naiveNode(oracle, run, t));
    if (named !== undefined && !named.includes(node)) continue;
    const missing = [
      ...oracle.unknownBeginning(node, run, t, asked),
      ...oracle.contended(node, run, t),
      ...(oracle.isMember(run, t) && oracle.counts(run, t, asked) ? oracle.missing(run, t) : []),
    ];
    incomplete.push(...missing.map(incompleteOf));
  }
  if (named === undefined) incomplete.push(...oracle.strangers(t, {}).map(incompleteOf));
  return { t, nodes, messaging: new Set(), inFlight: () => undefined, incomplete };
}

/** The oracle tells reasons as texts: a JSON list, node and reason in front, then maybe logs. */
export function incompleteOf(text: string): Incomplete {
  const [, node = "", reason = ""] = /^\["((?:[^"\\]|\\.)*)","([^"]*)"/.exec(text) ?? [];
  return { node, reason: reason as Incomplete["reason"], logs: [text] };
}

function naiveNode(oracle: CutOracle, run: KnownEpoch, t: Hlc): NodeAtCut {
  const isMember = oracle.isMember(run, t);
  const items = oracle.items(run, t);
  return {
    service: run.model.service,
    epoch: run.model.epoch,
    status: statusOf(oracle, run, t, isMember),
    isMember,
    held(log, key): Held {
      if (!isMember) return { is: "absent" };
      const cell = oracle.cell(items, log, key);
      if (cell.state === "value") return { is: "known", value: cell.value };
      if (cell.state === "absent") return { is: "absent" };
      return { is: "lost", by: lostBy(oracle, run, t, log, key) };
    },
  };
}

/** Lost ranges of the log since the variable was known last. */
function lostBy(oracle: CutOracle, run: KnownEpoch, t: Hlc, log: string, key: string): LostRange[] {
  let by: LostRange[] = [];
  const items = oracle.items(run, t);
  for (const [at, item] of items.entries()) {
    if ("range" in item) {
      if (item.range.logs === null || item.range.logs.includes(log)) by.push(item.range);
    } else if (oracle.cell(items.slice(0, at + 1), log, key).state !== "lost") by = [];
  }
  return by;
}

function statusOf(oracle: CutOracle, run: KnownEpoch, t: Hlc, isMember: boolean): NodeStatus {
  const { record, model } = run;
  if (!isMember) return record.end?.kind ?? "left";
  if (t <= record.watermark) return "live";
  if (record.end !== null) return record.end.kind === "left" ? "live" : "expired";
  if (model.imported) return "imported";
  return oracle.nowMs - model.lastArrivalMs > SUSPECT_MS ? "suspect" : "live";
}

/** By walking through all earlier states of the node. */
export function naiveLastChange(
  { oracle, ...rest }: HistoryCase,
  node: string,
  log: string,
  key: string,
  from: Hlc,
): LastChange | undefined {
  let before: Held = { is: "absent" };
  let epoch: number | undefined;
  let found: LastChange | undefined;
  for (const t of ticksOf({ oracle, ...rest }).filter((tick) => tick <= from)) {
    const run = oracle.runAt(node, t);
    if (run === undefined) continue;
    const state = naiveNode(oracle, run, t);
    const now = state.held(log, key);
    const isNew = state.isMember ? state.epoch !== epoch : epoch !== undefined;
    epoch = state.isMember ? state.epoch : undefined;
    if (now.is !== "lost" && !isSame(before, now)) {
      found = { at: t, previous: isNew ? { is: "absent" } : before };
    }
    before = now;
  }
  return found;
}

function isSame(a: Held, b: Held): boolean {
  if (a.is === "known" && b.is === "known") return valuesEqual(a.value, b.value);
  return a.is === b.is;
}
