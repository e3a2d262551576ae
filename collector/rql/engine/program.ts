/**
 * What of a query is evaluated at every cut, and how: the conjuncts of its condition, that of its window,
 * and what COMPUTE assigns, each in the fastest mode that covers it.
 *
 *     conjunct  Max(v) - Min(v) > 3     incremental    aggregates follow the changes
 *     conjunct  w["a"] > 100            compiled       cells are read
 *     conjunct  v = w                   interpreter    everything anew, from the same cells
 */

import type { BoundExpr, CheckedQuery } from "../check/bound.ts";
import { partsOf } from "../check/parts.ts";
import { columnsIn, conjunctsOf } from "../explain.ts";
import { Cells } from "./cells.ts";
import type { NumberIr, TruthIr } from "./ir.ts";
import { Lowering } from "./lower.ts";

export type Mode = "interpreter" | "compiled" | "incremental";

/** A part of the condition that is evaluated by itself. */
export interface Conjunct {
  readonly expr: BoundExpr;
  readonly mode: Mode;
  /** Undefined: the interpreter is asked at every cut. */
  readonly ir: TruthIr | undefined;
  /** What it reads: it is evaluated again once one of these has changed. */
  readonly columns: readonly number[];
  /** "2 tournament trees", for people. */
  readonly structures: string;
}

export interface Program {
  readonly lowering: Lowering;
  /** Joined by AND. Empty: no WHEN, every cut holds. */
  readonly when: readonly Conjunct[];
  /** Of THEN and NOT FOLLOWED BY. */
  readonly follower: Conjunct | undefined;
  /** What COMPUTE assigns: looked at for the warnings that it may give. */
  readonly watched: readonly NumberIr[];
}

/** Why the engine leaves a whole query to the interpreter; undefined: it does not. */
export function whyInterpreted(query: CheckedQuery): string | undefined {
  if (query.sequential !== undefined) return query.sequential;
  // Time decides for each group at the states of all.
  if (query.groupByService && (asksForChanges(query) || decidesByTimeAlone(query))) {
    return `GROUP BY SERVICE of ${asksForChanges(query) ? "changes" : "a NOT FOLLOWED BY"}`;
  }
  if (query.usesMessages) return "messages in flight";
  if (query.usesStatus) return "Status";
  if (query.ages.length > 0 || query.items.some(({ isAge }) => isAge)) return "Age";
  // What it was at the cut before would have to be known from cuts before that.
  if (query.becames.some(({ condition }) => looksAtChanges(condition))) return "Became of a change";
  if (exprsOf(query).some(looksBack)) return "Previous";
  const isComputed = programOf(query, new Cells([], query.columns.length)) !== undefined;
  return isComputed ? undefined : "COMPUTE of other things than numbers";
}

/** Whether it asks what changes: then cuts follow changes at which nothing happens (timed-run.ts). */
export function asksForChanges({ changes, becames }: CheckedQuery): boolean {
  return changes.length > 0 || becames.length > 0;
}

/** Whether an expression may turn at a tick at which nothing changes. */
export function looksAtChanges(expr: BoundExpr): boolean {
  return expr.type === "changed" || expr.type === "became" || partsOf(expr).some(looksAtChanges);
}

/** Whether a row may be decided by time alone. */
function decidesByTimeAlone({ window }: CheckedQuery): boolean {
  return window?.kind === "not-followed-by";
}

/** Whether time alone may decide that enough was found: FIRST and LIMIT of a NOT FOLLOWED BY. */
export function decidesByTime(query: CheckedQuery): boolean {
  const { take } = query;
  const isFirst = take?.kind === "FIRST" || take?.kind === "LIMIT";
  return isFirst && decidesByTimeAlone(query);
}

/** Whether each cut is told, and not only those at which something turns. */
export function isEachCutTold(query: CheckedQuery): boolean {
  // Without a condition each cut may be another row.
  return query.eachChange || query.when === undefined || decidesByTime(query);
}

/** Plans a query over cells that are all absent yet. Undefined: COMPUTE is beyond it. */
export function programOf(query: CheckedQuery, cells: Cells): Program | undefined {
  const isNowhere = query.columns.map(({ log }) => log === undefined);
  const lowering = new Lowering(cells, isNowhere);
  const watched = computed(query, lowering);
  if (watched === undefined) return undefined;
  const parts = query.when === undefined ? [] : conjunctsOf(query.when);
  const conjunct = (expr: BoundExpr): Conjunct => {
    const before = new Map(lowering.structures);
    const asked = lowering.readings.length + lowering.askings.length;
    const ir = lowering.truth(expr);
    const isIncremental = lowering.readings.length + lowering.askings.length > asked;
    const mode = ir === undefined ? "interpreter" : isIncremental ? "incremental" : "compiled";
    const structures = told(before, lowering.structures);
    return { expr, ir, mode, columns: columnsOf(expr, query), structures };
  };
  const when = parts.map(conjunct);
  const q = query.window?.expr;
  return { lowering, when, follower: q === undefined ? undefined : conjunct(q), watched };
}

/**
 * What COMPUTE assigns, if it is a row of assignments of numbers that run at every cut. Truths and sets
 * are left to the interpreter, and so is whatever may not be assigned.
 */
function computed(query: CheckedQuery, lowering: Lowering): NumberIr[] | undefined {
  const { compute } = query;
  if (compute === undefined) return [];
  const watched: NumberIr[] = [];
  for (const part of conjunctsOf(compute)) {
    if (part.type === "nothing") continue;
    if (part.type !== "assign" || part.isFirst) return undefined;
    const ir = lowering.number(part.value);
    if (ir === undefined) return undefined;
    watched.push(ir);
    lowering.assign(part.slot, part.value);
  }
  return watched;
}

/** Columns that an expression reads, those that COMPUTE read for it among them. */
function columnsOf(expr: BoundExpr, { compute }: CheckedQuery): readonly number[] {
  const all = hasDeclared(expr) && compute !== undefined ? [expr, compute] : [expr];
  return [...new Set(all.flatMap(columnsIn))].sort((a, b) => a - b);
}

function hasDeclared(expr: BoundExpr): boolean {
  return expr.type === "declared" || partsOf(expr).some(hasDeclared);
}

function looksBack(expr: BoundExpr): boolean {
  const isBack = (expr.type === "variable" || expr.type === "at-node") && expr.aspect !== "value";
  return isBack || partsOf(expr).some(looksBack);
}

function exprsOf({ compute, when, window, items }: CheckedQuery): BoundExpr[] {
  return [compute, when, window?.expr, ...items.map(({ expr }) => expr)].filter(
    (expr) => expr !== undefined,
  );
}

function told(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): string {
  const added = [...after].flatMap(([what, count]) => {
    const more = count - (before.get(what) ?? 0);
    return more === 0 ? [] : [`${more} ${what}${more === 1 ? "" : "s"}`];
  });
  return added.join(", ");
}
