/**
 * Runs a checked query over a sequence of cuts, evaluating everything anew at each: slow, and plain
 * enough to be believed. What it answers is what the language means.
 */
import type { CheckedQuery } from "../check/bound.ts";
import type { CutSequence } from "./cut-sequence.ts";
import { Interpretation, type InterpretOptions } from "./interpretation.ts";
import type { ResultLine } from "./lines.ts";

/**
 * The lines of one query's answer. Cost: per cut, the whole condition over all selected nodes; memory:
 * one state, the rows waiting to be decided, and for LAST the rows kept.
 *
 * @example
 * const [query] = checkText("SELECT leader FROM raft WHEN Cardinality(leader) > 1", options);
 * for (const line of interpret(query, cuts)) if (line.type === "row") report(line.values);
 */
export function* interpret(
  query: CheckedQuery,
  sequence: CutSequence,
  options: InterpretOptions = {},
): Generator<ResultLine, void, undefined> {
  const run = new Interpretation(query, sequence, options);
  yield* run.begin();
  for (const state of sequence.cuts) {
    if (state.t > sequence.to) break;
    yield* run.take(state);
    if (run.isOver) break;
  }
  yield* run.finish();
}
