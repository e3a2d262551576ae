/**
 * Steps: the moments at which something of the selection changed, one by one, forward or back.
 *
 *     step(from, "next")   moments with t >  from, nearest first
 *     step(from, "prev")   moments with t <= from, nearest first
 *
 * A moment is told the same way from either side, so going back undoes exactly what going forward
 * did. Backwards, the times of candidate events are read first, latest first; then the stretch that
 * holds enough of them is replayed forward, since only a replay knows what was there before.
 *
 * Beside changes a moment may hold: what a keyframe altered, what a lost range took from view, and a
 * node that joined or left (log and key empty), with the variables that vanished by it.
 */
import { type Hlc, MAX_HLC, RetroError, valuesEqual } from "../../agent/kernel/index.ts";
import { type CutContext, membersNow } from "./context.ts";
import type { Selection, Step, StepChange } from "./history.ts";
import { candidateTimes, type Happening, happenings } from "./node-walk.ts";
import { type Chosen, choose } from "./selection.ts";
import type { Work } from "./turns.ts";

/** Backwards, this many more candidates are read than steps are wanted: some turn out empty. */
const SPARE_CANDIDATES = 4;

/** @throws RetroError `bad-parameter` unless 1 <= count <= pageSize; `unknown-node`, `unknown-log` */
export function* stepFrom(
  context: CutContext,
  from: Hlc,
  direction: "next" | "prev",
  count: number,
  selection: Selection = {},
): Work<Step[]> {
  if (!(Number.isInteger(count) && count >= 1 && count <= context.limits.pageSize)) {
    throw new RetroError("bad-parameter", `cannot give ${count} steps`, {
      hint: `Ask for 1 to ${context.limits.pageSize}.`,
    });
  }
  const chosen = choose(selection, membersNow(context));
  return direction === "next"
    ? yield* stepsIn(context, from, MAX_HLC, count, chosen)
    : yield* stepsBack(context, from, count, chosen);
}

function* stepsBack(context: CutContext, from: Hlc, count: number, chosen: Chosen): Work<Step[]> {
  const steps: Step[] = [];
  let latest = from;
  while (steps.length < count) {
    const wanted = count - steps.length + SPARE_CANDIDATES;
    const times = new Set<Hlc>();
    for (const node of chosen.nodes) {
      for (const t of yield* candidateTimes(context, node, latest, wanted, chosen)) times.add(t);
    }
    const nearest = [...times].sort((a, b) => b - a).slice(0, wanted);
    const earliest = nearest.at(-1);
    if (earliest === undefined) break;
    const start = (earliest - 1) as Hlc;
    const found = yield* stepsIn(context, start, latest, Number.POSITIVE_INFINITY, chosen);
    for (const one of found.reverse()) steps.push(one);
    latest = start;
  }
  return steps.slice(0, count);
}

/** The first `count` moments in (from, to], of all nodes merged by time, then node. */
function* stepsIn(
  context: CutContext,
  from: Hlc,
  to: Hlc,
  count: number,
  chosen: Chosen,
): Work<Step[]> {
  const walks: Ahead[] = [];
  try {
    for (const node of chosen.nodes) {
      const walk = new Ahead(happenings(context, node, from, to, chosen));
      walks.push(walk);
      yield* walk.advance();
    }
    return yield* mergedSteps(walks, count, chosen);
  } finally {
    // Enough steps were found in the middle: what was being read must not stay open in the store.
    for (const walk of walks) walk.close();
  }
}

function* mergedSteps(walks: readonly Ahead[], count: number, chosen: Chosen): Work<Step[]> {
  const steps: Step[] = [];
  while (steps.length < count) {
    let at: Hlc | undefined;
    for (const { head } of walks) if (head && (at === undefined || head.t < at)) at = head.t;
    if (at === undefined) break;
    const changes: StepChange[] = [];
    for (const walk of walks) {
      for (; walk.head?.t === at; yield* walk.advance()) {
        if (isShown(walk.head, chosen)) changes.push(walk.head.change);
      }
    }
    if (changes.length > 0) steps.push({ at, changes });
  }
  return steps;
}

/** A generator with its next item in view. */
class Ahead {
  readonly #items: Iterator<Happening | undefined>;
  head: Happening | undefined;

  constructor(items: Iterator<Happening | undefined>) {
    this.#items = items;
  }

  *advance(): Work<void> {
    for (;;) {
      const next = this.#items.next();
      this.head = next.done === true ? undefined : next.value;
      if (next.done === true || this.head !== undefined) return;
      yield;
    }
  }

  close(): void {
    this.head = undefined;
    this.#items.return?.();
  }
}

/** Joins and ends concern whole nodes; what only moved between lost and absent shows nothing. */
function isShown({ change }: Happening, chosen: Chosen): boolean {
  const { kind, log, key, before, after } = change;
  const isMembership = (kind === "join" || kind === "leave") && log === "" && key === "";
  if (isMembership) return chosen.logs === undefined && chosen.keys === undefined;
  const isEvent = kind === "set" || kind === "delete" || kind === "add" || kind === "remove";
  return isEvent || !valuesEqual(before, after);
}
