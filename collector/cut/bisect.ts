/**
 * Halves a range until it is known when a predicate turned true (bisect-shapes.ts).
 *
 *     lo  n . . . . . . . y  hi      lo: known not to hold, or just before the range
 *     lo  n . . . n . . . y  hi      hi: known to hold, or just behind it
 *     lo  n . . . ? . . . y  hi      nothing can be said: both sides of that are halved by themselves,
 *         n n|? ? ? ?|y y y          and what is left between stays open
 */
import type { Hlc } from "../../agent/kernel/index.ts";
import { RetroError } from "../../agent/kernel/index.ts";
import type { Incomplete } from "./answers.ts";
import type { Bisection, BisectOptions } from "./bisect-shapes.ts";
import type { CutContext } from "./context.ts";
import { withoutRepeats } from "./losses-inside.ts";
import { rangeOf, walkSteps } from "./walk.ts";
import { asked } from "./walk-rows.ts";
import type { WalkPredicate } from "./walk-shapes.ts";

type Answer = boolean | undefined;

/** @throws as `Bisect` in bisect-shapes.ts */
export async function bisect<Values>(
  context: CutContext,
  options: BisectOptions<Values>,
  predicate: WalkPredicate,
  now: Hlc,
): Promise<Bisection<Values>> {
  const { from, to } = rangeOf(context, options, now);
  const cuts = new AskedCuts(context, options, predicate, now);
  const first = await cuts.ask(from);
  const last = await cuts.ask(to);
  if (first === true && last === false) {
    throw new RetroError("not-monotone", "it holds at the first cut, and not at the last", {
      hint: "Turn the condition around, or look at every cut with history.walk.",
    });
  }
  const { lo, hi } = await halved(from - 1, to + 1, (t) => cuts.ask(t as Hlc));
  const isFound = hi <= to;
  const incomplete = withoutRepeats(cuts.incomplete);
  return {
    outcome: isFound ? "found" : last === false ? "never" : "undecided",
    at: isFound ? (hi as Hlc) : undefined,
    after: lo >= from ? (lo as Hlc) : undefined,
    exact: isFound && hi - lo === 1,
    sinceStart: first === true,
    complete: incomplete.length === 0,
    incomplete,
    cutCount: cuts.count,
    values: isFound ? cuts.valuesAt(hi) : undefined,
  };
}

/** The nearest cuts on both sides of the turn: lo is asked to be false, or as given, hi true, or as given. */
async function halved(
  from: number,
  to: number,
  ask: (t: number) => Promise<Answer>,
): Promise<{ readonly lo: number; readonly hi: number }> {
  let lo = from;
  let hi = to;
  while (hi - lo > 1) {
    const middle = middleOf(lo, hi);
    const answer = await ask(middle);
    if (answer === false) lo = middle;
    else if (answer === true) hi = middle;
    else {
      // Each side ends at what cannot be said, or finds the other answer there: then less than half is left.
      const left = await sided(lo, middle, false, ask);
      lo = left.known;
      if (left.other !== undefined) {
        hi = left.other;
        continue;
      }
      const right = await sided(hi, middle, true, ask);
      hi = right.known;
      if (right.other === undefined) return { lo, hi };
      lo = right.other;
    }
  }
  return { lo, hi };
}

/** From `known`, where the answer is `wanted`, towards `unknown`: the last that is. `other`: an answer that is not. */
async function sided(
  from: number,
  to: number,
  wanted: boolean,
  ask: (t: number) => Promise<Answer>,
): Promise<{ readonly known: number; readonly other: number | undefined }> {
  let known = from;
  let unknown = to;
  while (Math.abs(unknown - known) > 1) {
    const middle = middleOf(known, unknown);
    const answer = await ask(middle);
    if (answer === wanted) known = middle;
    else if (answer === undefined) unknown = middle;
    else return { known, other: middle };
  }
  return { known, other: undefined };
}

function middleOf(a: number, b: number): number {
  return Math.floor(a / 2 + b / 2);
}

/** The cuts looked at: each once. */
class AskedCuts<Values> {
  readonly #context: CutContext;
  readonly #options: BisectOptions<Values>;
  readonly #predicate: WalkPredicate;
  readonly #now: Hlc;
  readonly #answers = new Map<number, Answer>();
  #incomplete: Incomplete[] = [];
  /** Of the earliest cut so far at which it holds. */
  #found: { readonly t: number; readonly values: Values | undefined } | undefined;

  constructor(
    context: CutContext,
    options: BisectOptions<Values>,
    predicate: WalkPredicate,
    now: Hlc,
  ) {
    this.#context = context;
    this.#options = options;
    this.#predicate = predicate;
    this.#now = now;
  }

  get count(): number {
    return this.#answers.size;
  }

  get incomplete(): readonly Incomplete[] {
    return this.#incomplete;
  }

  valuesAt(t: number): Values | undefined {
    return this.#found?.t === t ? this.#found.values : undefined;
  }

  async ask(t: Hlc): Promise<Answer> {
    if (this.#answers.has(t)) return this.#answers.get(t);
    const { select } = this.#options;
    const at = { ...this.#options, from: t, to: t };
    let answer: Answer;
    for await (const { view } of walkSteps(this.#context, at, this.#now)) {
      answer = asked(view, this.#predicate);
      const isEarliest = answer === true && t < (this.#found?.t ?? Number.POSITIVE_INFINITY);
      if (isEarliest) this.#found = { t, values: asked(view, (one) => select?.(one)) };
      const { incomplete } = view;
      if (incomplete.length > 0) {
        this.#incomplete = [...withoutRepeats([...this.#incomplete, ...incomplete])];
      }
      break;
    }
    this.#answers.set(t, answer);
    return answer;
  }
}
