/**
 * Cuts folded into rows: the stretches of a walk in which a predicate holds.
 *
 *     cuts        c1     c2    c3        c4           to
 *     predicate   false  true  true      false
 *     row                [from--------to)
 *
 * A stretch is complete if every cut of it is, those between two changes too: a watermark may end there.
 * What is missing while nothing happens only grows (joins and ends are cuts), so its last tick tells.
 */
import { formatHlcDisplay, type Hlc, RetroError, TICKS_PER_MS } from "../../agent/kernel/index.ts";
import type { Incomplete } from "./answers.ts";
import { withoutRepeats } from "./losses-inside.ts";
import type { WalkStep } from "./walk.ts";
import type { WalkPredicate, WalkRow, WalkRowOptions, WalkView } from "./walk-shapes.ts";

interface OpenRow<Values> {
  readonly from: Hlc;
  readonly sinceStart: boolean;
  readonly by: readonly string[];
  readonly values: Values;
  incomplete: readonly Incomplete[];
}

/** The rows of a walk, each as soon as its stretch is over. */
export async function* rowsOf<Values>(
  steps: AsyncIterable<WalkStep>,
  { select, eachChange = false, limit = Number.POSITIVE_INFINITY }: WalkRowOptions<Values>,
  predicate: WalkPredicate,
): AsyncGenerator<WalkRow<Values>, void> {
  if (!(limit >= 1)) {
    throw new RetroError("bad-parameter", `cannot give ${limit} rows`, {
      hint: "Ask for 1 or more.",
    });
  }
  let n = 0;
  let isFirst = true;
  let row: OpenRow<Values> | undefined;
  let last: WalkStep | undefined;
  const ended = (open: OpenRow<Values>, to: Hlc, isOpen: boolean): WalkRow<Values> => {
    n += 1;
    return rowOf(n, open, to, isOpen);
  };
  for await (const step of steps) {
    last = step;
    const { view, isCut, next, to } = step;
    if (!isCut) {
      if (row !== undefined && !eachChange) lacks(row, view.incompleteAt(lastTick(next, to)));
      continue;
    }
    const holds = asked(view, predicate) === true;
    if (row !== undefined && (eachChange || !holds)) {
      yield ended(row, eachChange ? row.from : view.time, false);
      if (n >= limit) return;
      row = undefined;
    }
    if (holds) {
      row ??= {
        from: view.time,
        sinceStart: isFirst,
        by: [...new Set(view.changed.map(({ node }) => node))],
        values: asked(view, (one) => select?.(one)) as Values,
        incomplete: [],
      };
      lacks(row, view.incomplete);
      if (!eachChange) lacks(row, view.incompleteAt(lastTick(next, to)));
    }
    isFirst = false;
  }
  if (row === undefined || last === undefined) return;
  yield ended(row, eachChange ? row.from : last.to, !eachChange);
}

function lacks(row: OpenRow<unknown>, missing: readonly Incomplete[]): void {
  if (missing.length > 0) row.incomplete = withoutRepeats([...row.incomplete, ...missing]);
}

function lastTick(next: number, to: Hlc): Hlc {
  return Math.min(next - 1, to) as Hlc;
}

function rowOf<Values>(
  n: number,
  { from, sinceStart, by, values, incomplete }: OpenRow<Values>,
  to: Hlc,
  open: boolean,
): WalkRow<Values> {
  const durationMs = (to - from) / TICKS_PER_MS;
  const complete = incomplete.length === 0;
  return { n, from, to, durationMs, sinceStart, open, complete, incomplete, by, values };
}

/** @throws RetroError `predicate-failed`, naming the cut */
export function asked<Answer>(view: WalkView, ask: (view: WalkView) => Answer): Answer {
  try {
    return ask(view);
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    throw new RetroError("predicate-failed", `at ${formatHlcDisplay(view.time)}: ${said}`, {
      details: { at: view.time },
      cause: error,
    });
  }
}
