/**
 * What the checker is told of a history: every log, and the variables of those that a text names, in the
 * time that it asks about. Read from the history as little as the text needs.
 */
import { type Hlc, RetroError } from "../../../agent/kernel/index.ts";
import type { History, NodeSummary } from "../../cut/history.ts";
import { rangeOf } from "../check/constants.ts";
import type { Schema } from "../check/schema.ts";
import { type Refuse, RqlError } from "../errors.ts";
import type { Expr, Query } from "../text/ast.ts";
import { placeOf } from "../text/place.ts";
import { walk } from "../text/walk.ts";

export interface TimeRange {
  readonly from: Hlc;
  readonly to: Hlc;
}

/** What names are looked up in. */
export interface NamesIn {
  readonly history: Pick<History, "logNames" | "nodes" | "variables">;
  readonly now: Hlc;
  /** Of a query without ON TIME. */
  rangeOf(query: Query, index: number): TimeRange;
}

/**
 * The schema for a text's queries.
 * @throws RqlError where an ON TIME cannot be read
 */
export async function schemaFor(
  text: string,
  queries: readonly Query[],
  { history, now, rangeOf: otherwise }: NamesIn,
  signal?: AbortSignal,
): Promise<Schema> {
  const nodes = history.nodes();
  const known = history.logNames();
  const logs = new Map<string, readonly string[]>(known.map((log) => [log, []]));
  const asked = (nodes.length === 0 ? [] : queries).map((query, index) => {
    const range = rangeIn(text, query, index, now) ?? otherwise(query, index);
    return { query, ...range, logs: query.logs.map(({ name }) => name) };
  });
  for (const { query, from, to, logs: named } of asked) {
    const there = [...new Set(named)].filter((log) => logs.has(log));
    if (there.length === 0) continue;
    const isEnough = enoughFor(query, there);
    const found = await history.variables({ logs: there, from, to, isEnough }, signal);
    for (const [log, keys] of found) {
      logs.set(log, [...new Set([...(logs.get(log) ?? []), ...keys])]);
    }
  }
  return {
    logs,
    nodes: nodes.map(({ node }) => node),
    services: [...new Set(nodes.map(({ service }) => service))],
  };
}

function rangeIn(text: string, query: Query, index: number, now: Hlc): TimeRange | undefined {
  if (query.time === undefined) return undefined;
  const refuse: Refuse = (code, message, at, hint) => {
    throw new RqlError(code, message, placeOf(text, at, index), hint);
  };
  return rangeOf(query.time, now, refuse);
}

/**
 * Where a query without ON TIME searches: from where history begins to the lowest watermark of the selected
 * live nodes; where none is live, to the highest.
 * @throws RetroError `outside-retention` if nothing is known of anybody
 */
export function defaultRange(
  all: readonly NodeSummary[],
  named: readonly string[] | undefined,
): TimeRange {
  const names = named === undefined ? undefined : new Set(named);
  const selected = all.filter(({ node }) => names?.has(node) ?? true);
  const nodes = selected.length === 0 ? all : selected;
  if (nodes.length === 0) {
    throw new RetroError("outside-retention", "nothing is recorded yet", {
      hint: "Start a service with an agent, or import event lines.",
    });
  }
  const from = least(
    nodes.map(({ retainedFrom, epochs, joined }) => retainedFrom ?? epochs[0]?.joined ?? joined),
  );
  const live = nodes.filter(({ status }) => status === "live");
  const to =
    live.length > 0
      ? least(live.map(({ watermark }) => watermark))
      : (-least(nodes.map(({ watermark }) => -watermark as Hlc)) as Hlc);
  return { from, to: Math.max(from, to) as Hlc };
}

function least(times: readonly Hlc[]): Hlc {
  return times.reduce((a, b) => (b < a ? b : a));
}

/** Of one log it is enough to have seen the variables that the query names; of several a name may be in two. */
function enoughFor(
  query: Query,
  logs: readonly string[],
): (found: ReadonlyMap<string, ReadonlySet<string>>) => boolean {
  const [log] = logs;
  if (logs.length !== 1 || log === undefined || query.items.some(({ star }) => star)) {
    return () => false;
  }
  const names = variablesNamed(query, log);
  return (found) => {
    const keys = found.get(log);
    return names.every((name) => keys?.has(name) === true);
  };
}

/** Names that may be variables of the query's only log. */
function variablesNamed(query: Query, log: string): string[] {
  const parts: (Expr | undefined)[] = [
    ...query.items.map((item) => (item.star ? undefined : item.expr)),
    ...[query.compute, query.when?.expr, query.when?.window?.expr],
  ];
  const names = new Set<string>();
  const others = new Set<string>();
  for (const part of parts) {
    if (part === undefined) continue;
    for (const node of walk(part)) {
      if (node.type === "name") names.add(node.name);
      else if (node.type === "declare") others.add(node.target.name);
      else if (node.type === "filter") others.add(node.variable.name);
      else if (node.type === "quantifier") {
        for (const { variables } of node.bindings) {
          for (const { name } of variables) others.add(name);
        }
      } else if (node.type === "field" && node.object.type === "name") {
        // `log.key`: the log is no variable, unless it is also the name of one.
        if (node.object.name !== log) continue;
        names.add(node.field);
        others.add(log);
      }
    }
  }
  return [...names].filter((name) => !others.has(name));
}
