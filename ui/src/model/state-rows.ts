/** Rows of State: filtered, sorted, and which of them a step has changed. */
import { canonicalText, type Json } from "../../../agent/kernel/index.ts";
import type { CutJson } from "../../../collector/api/shapes.ts";
import type { App } from "../app.ts";
import type { CutAnswer } from "./answers.ts";
import { byName } from "./nodes.ts";

/** Rows of one log before "show more". */
export const FOLDED_ROWS = 200;

export function rowKey(node: string, log: string, key: string): string {
  return `${node}\n${log}\n${key}`;
}

/** What a row must hold, in its log and key, to be shown. */
export function matcherOf(filter: string): ((log: string, key: string) => boolean) | null {
  const wanted = filter.trim().toLowerCase();
  return wanted === "" ? null : (log, key) => `${log} / ${key}`.toLowerCase().includes(wanted);
}

/** Whether any variable of a node matches. */
export function hasMatch({ logs }: CutJson["nodes"][string], filter: string): boolean {
  const matches = matcherOf(filter);
  return Object.entries(logs).some(([log, variables]) =>
    Object.keys(variables).some((key) => matches?.(log, key) ?? true),
  );
}

/** Names in order. Sorting a thousand takes longer than drawing what is in sight, and they seldom change. */
export class NameOrder {
  #names: readonly string[] = [];
  #sorted: readonly string[] = [];

  of(names: readonly string[]): readonly string[] {
    const isSame =
      names.length === this.#names.length && names.every((one, i) => one === this.#names[i]);
    if (!isSame) {
      this.#names = names;
      this.#sorted = [...names].sort(byName);
    }
    return this.#sorted;
  }
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
  const matches = matcherOf(filter);
  const rows = new Map<string, { log: string; key: string; values: Map<string, Json> }>();
  const holders = new Map<string, number>();
  for (const [node, { logs }] of Object.entries(json.nodes)) {
    for (const [log, variables] of Object.entries(logs)) {
      holders.set(log, (holders.get(log) ?? 0) + 1);
      for (const [key, value] of Object.entries(variables)) {
        if (matches?.(log, key) === false) continue;
        const id = `${log}\n${key}`;
        const row = rows.get(id) ?? { log, key, values: new Map<string, Json>() };
        row.values.set(node, value);
        rows.set(id, row);
      }
    }
  }
  return [...rows.values()]
    .map((row) => ({
      ...row,
      differs: row.values.size !== holders.get(row.log) || !areAlike(row.values.values()),
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
      const states = members.map((node) => (json.nodes[node] as CutJson["nodes"][string]).logs);
      const count = differingCount(states);
      return count === 0 ? [] : [{ service, nodeCount: members.length, count }];
    });
}

type Logs = CutJson["nodes"][string]["logs"];
type Variables = Logs[string];

/** Variables that not all nodes with their log hold alike. Hot: it looks at every value of a cut. */
function differingCount(states: readonly Logs[]): number {
  let count = 0;
  for (const log of new Set(states.flatMap((logs) => Object.keys(logs)))) {
    const [one, ...others] = states.flatMap((logs) => heldIn(logs, log) ?? []) as Variables[];
    if (one === undefined) continue;
    const differing = new Set<string>();
    for (const other of others) {
      for (const key of Object.keys(one)) {
        if (!isAlike(one[key], heldIn(other, key))) differing.add(key);
      }
      for (const key of Object.keys(other)) if (!Object.hasOwn(one, key)) differing.add(key);
    }
    count += differing.size;
  }
  return count;
}

/** What is held under a name; a variable may be called `constructor`. */
function heldIn<Held>(names: { readonly [name: string]: Held }, name: string): Held | undefined {
  return Object.hasOwn(names, name) ? names[name] : undefined;
}

function areAlike(values: Iterable<Json>): boolean {
  const [first, ...others] = values;
  return others.every((one) => isAlike(first, one));
}

function isAlike(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  const isPlain = (one: Json | undefined) => one === null || typeof one !== "object";
  if (isPlain(a) || isPlain(b)) return false;
  return canonicalText(a as Json) === canonicalText(b as Json);
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
        if (!isAlike(heldIn(left, key), heldIn(right, key))) changed.add(rowKey(node, log, key));
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
