/** The columns of which a query asks what was before its range: those of Age and Previous. */
import type { FeedColumn } from "../../cut/history.ts";
import type { BoundExpr, CheckedQuery } from "../check/bound.ts";
import { partsOf } from "../check/parts.ts";

/** Places in `columns`. */
export function columnsLookedBack(
  { items, compute, when, window, columns: bound }: CheckedQuery,
  columns: readonly FeedColumn[],
): number[] {
  const exprs = [compute, when, window?.expr, ...items.map(({ expr }) => expr)];
  const found = new Set<number>();
  for (const expr of exprs) if (expr !== undefined) note(expr, found);
  return [...found].flatMap((index) => {
    const column = bound[index];
    const place = columns.findIndex(({ log, key }) => log === column?.log && key === column.key);
    return place < 0 ? [] : [place];
  });
}

function note(expr: BoundExpr, found: Set<number>): void {
  const isColumn = expr.type === "variable" || expr.type === "at-node";
  if (isColumn && expr.aspect !== "value") found.add(expr.column);
  for (const part of partsOf(expr)) note(part, found);
}
