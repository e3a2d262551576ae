/** Makes what goes through the slices of a query, from what may travel between threads. */
import { checkText } from "../check/check.ts";
import { SliceRun } from "./slice-run.ts";
import type { SliceSetup } from "./slice-threads.ts";

/** @throws Error if the query is none that the engine covers: whoever opened it knew */
export function sliceRunOf(
  { text, schema, now, index, nodes, limits }: SliceSetup,
  isCancelled: () => boolean,
): SliceRun {
  const query = checkText(text, { schema, now })[index];
  const run = query && SliceRun.of(query, { nodes, limits, isCancelled });
  if (run === undefined) throw new Error(`query ${index} is not covered`);
  return run;
}
