/**
 * First hit by halving: where a predicate, once true, stays true, some thirty cuts tell when it turned, however
 * much happened. Shapes and promises; bisect.ts looks.
 *
 *     from                                   to
 *     |  no   no    no |yes      yes     yes  |      who asks states that it turns once, and that way
 *                      ^ at
 */
import type { Hlc } from "../../agent/kernel/index.ts";
import type { Incomplete } from "./answers.ts";
import type { WalkOptions, WalkPredicate, WalkView } from "./walk-shapes.ts";

/** What `history.bisect` looks through, as for `history.walk`: a range, logs, nodes. */
export interface BisectOptions<Values = undefined> extends WalkOptions {
  /** What the answer shows. Called at each cut looked at where the predicate holds; that of `at` stays. */
  readonly select?: (view: WalkView) => Values;
}

/** Where a predicate turned, as nearly as can be said; times are HLCs of cuts. */
export interface Bisection<Values = undefined> {
  /**
   * `found`: it holds from `at` on. `never`: not even at the last cut. `undecided`: it could not be said at
   * the last cut, and nowhere was it known to hold.
   */
  readonly outcome: "found" | "never" | "undecided";
  /** The earliest cut at which it is known to hold. */
  readonly at: Hlc | undefined;
  /** The latest cut at which it is known not to hold; undefined: at none. */
  readonly after: Hlc | undefined;
  /** Nothing lies between `after` (or the first cut) and `at`: it turned there, or held from the first cut on. */
  readonly exact: boolean;
  /** It held at the first cut already: when it turned is not known. */
  readonly sinceStart: boolean;
  /** Whether every cut looked at is complete: one that is not may have said no for want of what is missing. */
  readonly complete: boolean;
  /** What was missing in some cut looked at, each reason once. */
  readonly incomplete: readonly Incomplete[];
  /** How many cuts were looked at. */
  readonly cutCount: number;
  /** What `select` gave at `at`. */
  readonly values: Values | undefined;
}

/**
 * `history.bisect`: when a predicate turned true that, once true, stays true. That is the caller's word; it is
 * not checked but at both ends. Where it does not hold use `history.walk`, which looks at every cut.
 *
 * A predicate that gives undefined (it cannot be said) leaves a stretch open: then `after` and `at` are the
 * nearest cuts on both sides at which it can, and `exact` is false.
 *
 * Cost: a state per cut looked at; as many as the range in ticks can be halved (34 for an hour), a few times
 * that around cuts of which nothing can be said.
 *
 * @throws RetroError `not-monotone` if it holds at the first cut and not at the last; and as `Walk`
 *
 * @example
 * const { at } = await collector.history.bisect({ from: "-1h", to: "now", logs: ["orders"] }, (view) =>
 *   [...view.values("orders", "failed").values()].some((count) => Number(count) > 0),
 * );
 * if (at !== undefined) console.log("the first failed order:", formatHlc(at));
 */
export type Bisect = <Values = undefined>(
  options: BisectOptions<Values>,
  predicate: WalkPredicate,
) => Promise<Bisection<Values>>;
