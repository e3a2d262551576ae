/**
 * What a query is going to do, as far as that is known before history is read: which columns, which
 * parts the condition falls into, whether cuts must be visited in order and why. The engine adds what
 * it finds out itself (blocks, checkpoints, modes).
 */
import { formatIsoMicros, type Hlc } from "../../agent/kernel/index.ts";
import type { BoundExpr, CheckedQuery, Column } from "./check/bound.ts";
import { partsOf } from "./check/parts.ts";
import { printName } from "./text/print.ts";

/** What rows are. */
export type RowForm = "intervals" | "cuts" | "windows" | "totals";

export interface Conjunct {
  /** As written. */
  readonly text: string;
  /** Indexes of the columns that it reads. */
  readonly columns: readonly number[];
}

export interface StaticPlan {
  readonly query: number;
  readonly form: RowForm;
  /** Undefined: all that is retained. */
  readonly range: { readonly from: Hlc; readonly to: Hlc } | undefined;
  readonly columns: readonly Column[];
  /** The parts of WHEN that AND joins, and at last what must follow, or must not: each in a way of its own. */
  readonly conjuncts: readonly Conjunct[];
  /** Why cuts must be visited in order; undefined: slices may run side by side. */
  readonly sequential: string | undefined;
}

/**
 * The static part of a plan.
 *
 * @example
 * planOf(query).conjuncts.map(({ text }) => text); // ["Max(vr1) - Min(vr1) > 3"]
 */
export function planOf(query: CheckedQuery): StaticPlan {
  const { index, range, columns, when, window, sequential } = query;
  const parts = when === undefined ? [] : conjunctsOf(when);
  const conjunct = (part: BoundExpr, before = ""): Conjunct => ({
    text: before + query.text.slice(part.at.start, part.at.end),
    columns: [...new Set(columnsIn(part))].sort((a, b) => a - b),
  });
  const conjuncts = parts.map((part) => conjunct(part));
  if (window?.expr !== undefined) {
    const word = window.kind === "then" ? "THEN" : "NOT FOLLOWED BY";
    conjuncts.push(conjunct(window.expr, `${word} `));
  }
  return { query: index, form: formOf(query), range, columns, conjuncts, sequential };
}

/** What the store has told. */
export interface KnownOfStore {
  /** What kind of values a log is known to hold. */
  readonly kindOf?: (log: string) => string | undefined;
  readonly nodeCount?: number;
}

/** The same for people. */
export function explainText(
  query: CheckedQuery,
  { kindOf = () => undefined, nodeCount }: KnownOfStore = {},
): string {
  const plan = planOf(query);
  const { range, conjuncts, sequential } = plan;
  const time =
    range === undefined
      ? "all that is retained"
      : `${formatIsoMicros(range.from)} .. ${formatIsoMicros(range.to)}`;
  const count = nodeCount ?? query.nodes?.length;
  const nodes = count === undefined ? "all nodes" : count === 1 ? "1 node" : `${count} nodes`;
  const columns = plan.columns.map((column) => {
    const { log } = column;
    if (log === undefined) return `${columnText(column)} (absent)`;
    const kind = kindOf(log);
    return kind === undefined ? columnText(column) : `${columnText(column)} ${kind}`;
  });
  return [
    `query ${plan.query}   ${plan.form}, ${time}`,
    `columns   ${columns.length === 0 ? "none" : columns.join(", ")}, ${nodes}`,
    ...conjuncts.map(({ text }) => `conjunct  ${text.replaceAll(/\s+/g, " ")}`),
    `run       ${sequential === undefined ? "parallel" : `sequential: ${sequential}`}`,
  ].join("\n");
}

/** As it is written with its log. */
export function columnText({ log, key }: Column): string {
  return log === undefined ? printName(key) : `${printName(log)}.${printName(key)}`;
}

function formOf({ take, eachChange, window }: CheckedQuery): RowForm {
  if (take?.kind === "COUNT") return "totals";
  if (eachChange) return "cuts";
  return window === undefined || window.kind === "for-at-least" ? "intervals" : "windows";
}

/** AND of ANDs, taken apart: no part is skipped for the others' sake, so their order is free. */
export function conjunctsOf(when: BoundExpr): readonly BoundExpr[] {
  if (when.type !== "logical" || when.op !== "AND") return [when];
  return when.operands.flatMap(conjunctsOf);
}

/** Columns that an expression reads. */
export function columnsIn(expr: BoundExpr): readonly number[] {
  const isColumn = expr.type === "variable" || expr.type === "at-node" || expr.type === "changed";
  const below = partsOf(expr).flatMap(columnsIn);
  return isColumn ? [expr.column, ...below] : below;
}
