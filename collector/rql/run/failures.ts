/** What ends a query while it runs, as its lines tell it. */
import { RetroError } from "../../../agent/kernel/index.ts";
import type { CheckedQuery } from "../check/bound.ts";
import { Interpretation, type RunFailure } from "../interpret/interpretation.ts";
import { timeJson } from "../interpret/output.ts";
import { type FeedHead, FoldedStates } from "./fold.ts";
import type { JobState } from "./job.ts";
import type { JobBroken } from "./job-broken.ts";

/** Told of our own failures; the result names it to the asker. */
export type Report = (error: unknown) => string;

export function failureOf(error: unknown, report: Report): RunFailure {
  if (error instanceof RetroError && error.code !== "internal") {
    const { code, message, hint = "Ask again." } = error;
    return { code, message, hint };
  }
  const id = report(error);
  return {
    code: "internal",
    message: `the collector failed to answer (error ${id})`,
    hint: "This is a bug: the collector's log has the details under that id.",
  };
}

/** The last lines of a query whose thread is gone: rows so far stand. */
export function brokenLines(
  query: CheckedQuery,
  head: FeedHead,
  state: JobState | undefined,
  error: JobBroken,
  report: Report,
): string {
  const isMemory = error.code === "out-of-memory";
  const hint = "Keep less in GLOBALs, select fewer values, or search a shorter range.";
  const failure = isMemory
    ? { code: error.code, message: error.message, hint }
    : failureOf(error, report);
  const run = new Interpretation(query, new FoldedStates(head), {});
  const { rows = 0, cuts = 0, searchedTo = head.from } = state ?? {};
  const told = { rows, matches: rows, cuts, searchedTo: timeJson(searchedTo) };
  return [...run.fail(failure)]
    .map((line) => `${JSON.stringify(line.type === "end" ? { ...line, ...told } : line)}\n`)
    .join("");
}
