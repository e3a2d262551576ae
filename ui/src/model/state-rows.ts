/** Rows of State: filtered, sorted, and which of them a step has changed. */
import { canonicalText, type Json } from "../../../agent/kernel/index.ts";
import type { CutJson } from "../../../collector/api/shapes.ts";
import type { App } from "../app.ts";
import type { CutAnswer } from "./answers.ts";
import { byName } from "./nodes.ts";

/** Rows of one log before "show more". */
export const FOLDED_ROWS = 200;

export interface StateRow {
  readonly log: string;
  readonly key: string;
  readonly value: Json;
}

export function rowKey(node: string, log: string, key: string): string {
  return `${node}\n${log}\n${key}`;
}

/** The rows of one node, by log and key; `filter` is matched within log and key. */
export function rowsOf(node: CutJson["nodes"][string], filter: string): readonly StateRow[] {
  const wanted = filter.trim().toLowerCase();
  return Object.entries(node.logs)
    .sort(([a], [b]) => byName(a, b))
    .flatMap(([log, variables]) =>
      Object.entries(variables)
        .filter(([key]) => wanted === "" || `${log} / ${key}`.toLowerCase().includes(wanted))
        .sort(([a], [b]) => byName(a, b))
        .map(([key, value]) => ({ log, key, value })),
    );
}

export interface VariableRow {
  readonly log: string;
  readonly key: string;
  /** By node; absent where the node does not hold it. */
  readonly values: ReadonlyMap<string, Json>;
  /** Whether the nodes that could hold it do not all hold the same. */
  readonly differs: boolean;
}

/** Every variable across the members that have its log; disagreement first, what only one node holds last. */
export function variableRows(json: Pick<CutJson, "nodes">, filter: string): readonly VariableRow[] {
  const rows = new Map<string, { log: string; key: string; values: Map<string, Json> }>();
  const holders = new Map<string, number>();
  for (const [node, state] of Object.entries(json.nodes)) {
    for (const log of Object.keys(state.logs)) holders.set(log, (holders.get(log) ?? 0) + 1);
    for (const { log, key, value } of rowsOf(state, filter)) {
      const id = `${log}\n${key}`;
      const row = rows.get(id) ?? { log, key, values: new Map<string, Json>() };
      row.values.set(node, value);
      rows.set(id, row);
    }
  }
  return [...rows.values()]
    .map((row) => ({
      ...row,
      differs:
        row.values.size !== holders.get(row.log) ||
        new Set([...row.values.values()].map(canonicalText)).size > 1,
    }))
    .sort(
      (a, b) =>
        Number(b.differs) - Number(a.differs) ||
        Number(b.values.size > 1) - Number(a.values.size > 1) ||
        byName(a.log, b.log) ||
        byName(a.key, b.key),
    );
}

export interface Disagreement {
  readonly service: string;
  /** Members that hold anything. */
  readonly nodeCount: number;
  /** Variables that not all of them hold alike. */
  readonly count: number;
}

/** Per service with several members, the variables on which they disagree; those without are left out. */
export function disagreements(json: CutJson): readonly Disagreement[] {
  const services = new Map<string, string[]>();
  for (const node of json.members) {
    const state = json.nodes[node];
    if (state === undefined || Object.keys(state.logs).length === 0) continue;
    services.set(state.service, [...(services.get(state.service) ?? []), node]);
  }
  return [...services]
    .sort(([a], [b]) => byName(a, b))
    .flatMap(([service, members]) => {
      if (members.length < 2) return [];
      const nodes = Object.fromEntries(
        members.map((node) => [node, json.nodes[node] as CutJson["nodes"][string]]),
      );
      const count = variableRows({ nodes }, "").filter(({ differs }) => differs).length;
      return count === 0 ? [] : [{ service, nodeCount: members.length, count }];
    });
}

/** What differs between the state of two cuts, by `rowKey`. */
export function differingRows(before: CutJson, after: CutJson): ReadonlySet<string> {
  const changed = new Set<string>();
  for (const node of new Set([...Object.keys(before.nodes), ...Object.keys(after.nodes)])) {
    const one = before.nodes[node]?.logs ?? {};
    const two = after.nodes[node]?.logs ?? {};
    for (const log of new Set([...Object.keys(one), ...Object.keys(two)])) {
      const left = one[log] ?? {};
      const right = two[log] ?? {};
      for (const key of new Set([...Object.keys(left), ...Object.keys(right)])) {
        const a = left[key];
        const b = right[key];
        if (a === b) continue;
        if (a === undefined || b === undefined || canonicalText(a) !== canonicalText(b)) {
          changed.add(rowKey(node, log, key));
        }
      }
    }
  }
  return changed;
}

const NONE: ReadonlySet<string> = new Set();
const kept = new WeakMap<
  App,
  { shown: CutAnswer; before: CutAnswer | null; rows: ReadonlySet<string> }
>();

/** The rows that the latest step changed; empty after any other move. */
export function changedRows(app: App): ReadonlySet<string> {
  const shown = app.shownCut.value;
  if (shown === null) return NONE;
  const last = kept.get(app);
  // The same cut once more, bent by now or more complete, is no step.
  if (last?.shown.at === shown.at) {
    kept.set(app, { ...last, shown });
    return last.rows;
  }
  const isStep = app.stepper.lastStepTo.value === shown.at;
  const before = last?.shown ?? null;
  const rows = isStep && before !== null ? differingRows(before.json, shown.json) : NONE;
  kept.set(app, { shown, before, rows });
  return rows;
}
