/**
 * The naive oracle for what moves: steps, diffs, versions of a variable, events. On top of
 * cut-oracle.ts, by the same means: every value before and after is replayed from the beginning.
 */
import { type Json, type RetroEvent, toJsonForm } from "../../agent/kernel/index.ts";
import { type Asked, type Cell, type CutOracle, isAsked } from "./cut-oracle.ts";
import type { KnownEpoch } from "./store-history.ts";

/** A row of a step as text, so that answers can be compared. */
export interface OracleStep {
  readonly at: number;
  readonly changes: readonly string[];
}

interface Row {
  readonly t: number;
  readonly text: string;
}

/** All moments of the selection, in order of time. */
export function oracleSteps(oracle: CutOracle, asked: Asked): OracleStep[] {
  const rows = oracle.nodeNames(asked).flatMap((node) => rowsOf(oracle, node, asked));
  const byTime = new Map<number, string[]>();
  for (const { t, text } of rows) byTime.set(t, [...(byTime.get(t) ?? []), text]);
  return [...byTime]
    .sort(([a], [b]) => a - b)
    .map(([at, changes]) => ({ at, changes: changes.sort() }));
}

function rowsOf(oracle: CutOracle, node: string, asked: Asked): Row[] {
  const rows: Row[] = [];
  const isWhole = !asked.logs?.length && !asked.keys?.length;
  for (const run of oracle.runsOf(node)) {
    const { joined, end } = run.record;
    const next = oracle.nextOf(run)?.record.joined ?? Number.POSITIVE_INFINITY;
    const until = Math.min(next, end?.t ?? Number.POSITIVE_INFINITY);
    if (until <= joined) continue;
    if (isWhole) rows.push({ t: joined, text: rowText(node, "", "", "join") });
    const items = oracle.items(run, Number.POSITIVE_INFINITY).filter(({ t }) => t < until);
    for (const [index, item] of items.entries()) {
      const before = items.slice(0, index);
      const through = items.slice(0, index + 1);
      for (const { log, key } of oracle.variablesOf(run)) {
        if (!isAsked(asked, log, key)) continue;
        const was = oracle.cell(before, log, key);
        const is = oracle.cell(through, log, key);
        if ("range" in item) {
          if (was.state === "value" && is.state === "lost") {
            const t = Math.max(item.t, joined);
            rows.push({ t, text: rowText(node, log, key, "lost", was, is) });
          }
        } else {
          const text = eventRow(node, item.event, log, key, was, is);
          if (text !== undefined) rows.push({ t: item.t, text });
        }
      }
    }
    if (until === Number.POSITIVE_INFINITY) continue;
    const isEnd = end !== null && until === end.t;
    if (isEnd && isWhole) rows.push({ t: until, text: rowText(node, "", "", "leave") });
    for (const { log, key } of oracle.variablesOf(run)) {
      const last = oracle.cell(items, log, key);
      if (!isAsked(asked, log, key) || last.state !== "value") continue;
      rows.push({ t: until, text: rowText(node, log, key, isEnd ? "leave" : "join", last) });
    }
  }
  return rows;
}

function eventRow(
  node: string,
  event: RetroEvent,
  log: string,
  key: string,
  was: Cell,
  is: Cell,
): string | undefined {
  if (!("log" in event) || event.log !== log) return undefined;
  if (event.kind === "keyframe") {
    const isSame = jsonOf(was) === jsonOf(is);
    return isSame ? undefined : rowText(node, log, key, "keyframe", was, is);
  }
  return event.key === key ? rowText(node, log, key, event.kind, was, is) : undefined;
}

function jsonOf(cell: Cell | undefined): string | undefined {
  return cell?.state === "value" ? plainText(toJsonForm(cell.value)) : undefined;
}

/** What stands for a value that nobody knows. */
export const UNKNOWN = "?";

function shownOf(cell: Cell | undefined): string | undefined {
  return cell?.state === "lost" ? UNKNOWN : jsonOf(cell);
}

/** JSON text with the keys of objects in order. */
export function plainText(value: Json | undefined): string | undefined {
  return JSON.stringify(value, (_, inner: unknown) =>
    inner !== null && typeof inner === "object" && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

function rowText(
  node: string,
  log: string,
  key: string,
  kind: string,
  was?: Cell,
  is?: Cell,
): string {
  return changeText(node, log, key, kind, shownOf(was), shownOf(is));
}

export function changeText(
  node: string,
  log: string,
  key: string,
  kind: string,
  before: string | undefined,
  after: string | undefined,
): string {
  return JSON.stringify([node, log, key, kind, before ?? "-", after ?? "-"]);
}

/** Differing variables as `node log key before after count`; all that changed or exist with `all`. */
export function oracleDiff(
  oracle: CutOracle,
  from: number,
  to: number,
  asked: Asked,
  all: boolean,
): string[] {
  const found: string[] = [];
  for (const node of oracle.nodeNames(asked)) {
    const names = new Map<string, { log: string; key: string }>();
    for (const run of oracle.runsOf(node)) {
      for (const one of oracle.variablesOf(run)) names.set(JSON.stringify(one), one);
    }
    for (const { log, key } of names.values()) {
      if (!isAsked(asked, log, key)) continue;
      const was = memberCell(oracle, node, from, log, key);
      const is = memberCell(oracle, node, to, log, key);
      const [before, after] = [jsonOf(was), jsonOf(is)];
      const count = changesIn(oracle, node, from, to, log, key);
      const isShown = all
        ? before !== undefined || after !== undefined || count > 0
        : before !== after;
      if (isShown) found.push(rowText(node, log, key, String(count), was, is));
    }
  }
  return found.sort();
}

function memberCell(
  oracle: CutOracle,
  node: string,
  t: number,
  log: string,
  key: string,
): Cell | undefined {
  const run = oracle.runAt(node, t);
  return oracle.isMember(run, t) ? oracle.cell(oracle.items(run, t), log, key) : undefined;
}

function changesIn(
  oracle: CutOracle,
  node: string,
  from: number,
  to: number,
  log: string,
  key: string,
): number {
  return oracle.runsOf(node).reduce((sum, run) => {
    const isIts = (event: RetroEvent): boolean =>
      event.kind !== "keyframe" && "log" in event && event.log === log && event.key === key;
    const isInside = ({ t }: RetroEvent): boolean =>
      t > from && t <= to && oracle.runAt(node, t) === run && oracle.isMember(run, t);
    return sum + run.events.filter((event) => isIts(event) && isInside(event)).length;
  }, 0);
}

/** The cell of a variable after each moment in [from, to], and at `from` itself: `t state`. */
export function oracleVersions(
  oracle: CutOracle,
  node: string,
  log: string,
  key: string,
  from: number,
  to: number,
): Map<number, string> {
  const at = new Map<number, string>();
  const times = oracle
    .runsOf(node)
    .flatMap((run) => [
      run.record.joined,
      ...(run.record.end === null ? [] : [run.record.end.t]),
      ...oracle.items(run, Number.POSITIVE_INFINITY).map(({ t }) => t),
    ]);
  for (const t of [from, ...times]) {
    if (t >= from && t <= to) at.set(t, versionText(memberCell(oracle, node, t, log, key)));
  }
  return at;
}

export function versionText(cell: Cell | undefined): string {
  if (cell === undefined || cell.state === "absent") return "absent";
  return cell.state === "lost" ? "lost" : (jsonOf(cell) as string);
}

/** `t node epoch seq` of all stored events in global order. */
export function oracleEvents(oracle: CutOracle, asked: Asked): { t: number; text: string }[] {
  const names = oracle.nodeNames(asked);
  const isWhole = !asked.logs?.length && !asked.keys?.length;
  const all = oracle.epochs
    .filter(({ model }) => names.includes(model.node))
    .flatMap((run: KnownEpoch) =>
      run.events
        .filter((event) => {
          if (!("log" in event)) return isWhole;
          if (event.kind === "keyframe")
            return !asked.logs?.length || asked.logs.includes(event.log);
          return isAsked(asked, event.log, event.key);
        })
        .map((event) => ({ run, event })),
    );
  return all
    .sort(
      (a, b) =>
        a.event.t - b.event.t ||
        (a.run.model.node < b.run.model.node ? -1 : a.run.model.node > b.run.model.node ? 1 : 0) ||
        a.run.model.epoch - b.run.model.epoch ||
        a.event.seq - b.event.seq,
    )
    .map(({ run, event }) => ({
      t: event.t,
      text: `${event.t} ${run.model.node} ${run.model.epoch} ${event.seq} ${event.kind}`,
    }));
}
