/** Makes what goes through the slices of a query, from what may travel between threads. */
import type { CheckedQuery } from "../check/bound.ts";
import { checkText } from "../check/check.ts";
import { GroupedRun } from "./grouped-run.ts";
import { asksForChanges } from "./program.ts";
import type { SliceEvaluation } from "./slice-result.ts";
import { SliceRun, type SliceRunOptions } from "./slice-run.ts";
import type { SliceSetup } from "./slice-threads.ts";
import { TimedRun } from "./timed-run.ts";

/** Undefined: the engine does not cover the query. */
export function evaluationOf(
  query: CheckedQuery,
  options: SliceRunOptions,
): SliceEvaluation | undefined {
  const make = (): SliceEvaluation | undefined =>
    asksForChanges(query) ? TimedRun.of(query, options) : SliceRun.of(query, options);
  const one = make();
  if (one === undefined || !query.groupByService) return one;
  return new GroupedRun(() => make() as SliceEvaluation);
}

/** @throws Error if the query is none that the engine covers: whoever opened it knew */
export function sliceRunOf(
  { text, schema, now, index, nodes, limits }: SliceSetup,
  isCancelled: () => boolean,
): SliceEvaluation {
  const query = checkText(text, { schema, now })[index];
  const run = query && evaluationOf(query, { nodes, limits, isCancelled });
  if (run === undefined) throw new Error(`query ${index} is not covered`);
  return run;
}
