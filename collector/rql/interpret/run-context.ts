/** What a run counts and says while it evaluates: steps against a budget, warnings once per place. */
import type { RqlWarning, RqlWarningCode } from "../errors.ts";
import type { RunLimits } from "../limits.ts";
import { placeOf } from "../text/place.ts";
import type { Span } from "../text/span.ts";

/** Ends a run: not an error of the text. */
export class RunEnded extends Error {
  override readonly name = "RunEnded";
  readonly status: "budget" | "cancelled" | "truncated";

  constructor(status: RunEnded["status"]) {
    super(`the run ended: ${status}`);
    this.status = status;
  }
}

/** A run failed: `error` and `end` follow. */
export class RunFailed extends Error {
  override readonly name = "RunFailed";
  readonly code: "global-too-large";
  readonly hint: string;

  constructor(code: RunFailed["code"], message: string, hint: string) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}

const MESSAGES: ReadonlyMap<RqlWarningCode, string> = new Map([
  ["kinds-differ", "values of different kinds have no order; this was unknown at some cut"],
  ["not-a-number", "arithmetic on something that is no number; this was unknown at some cut"],
  ["not-a-set", "a set was needed and a single value met; this was unknown at some cut"],
  ["not-a-truth-value", "neither a truth nor a number; this was unknown at some cut"],
  ["division-by-zero", "a division by zero; this was unknown at some cut"],
  ["overflow", "a number too large to tell; this was unknown at some cut"],
  ["out-of-range", "a percentile is from 0 to 100; this was unknown at some cut"],
  ["subset-too-large", "too many values for all their subsets; this was unknown at some cut"],
]);

export class RunContext {
  readonly limits: RunLimits;
  readonly #text: string;
  readonly #query: number;
  readonly #isCancelled: () => boolean;
  /** Places that were warned of. */
  #said = new Set<string>();
  readonly #warnings: RqlWarning[] = [];
  #steps = 0;

  constructor(text: string, query: number, limits: RunLimits, isCancelled: () => boolean) {
    this.#text = text;
    this.#query = query;
    this.limits = limits;
    this.#isCancelled = isCancelled;
  }

  /** @throws RunEnded past the budget, or when somebody cancelled */
  step(count = 1): void {
    const before = this.#steps;
    this.#steps += count;
    if (this.#steps > this.limits.steps) throw new RunEnded("budget");
    const isLookingUp =
      Math.floor(before / CANCEL_LOOKS) !== Math.floor(this.#steps / CANCEL_LOOKS);
    if (isLookingUp && this.#isCancelled()) throw new RunEnded("cancelled");
  }

  /** Says it once per place. */
  warn(code: RqlWarningCode, at: Span): void {
    const id = `${code} ${at.start} ${at.end}`;
    if (this.#said.has(id)) return;
    this.#said.add(id);
    const message = MESSAGES.get(code) ?? code;
    this.#warnings.push({ code, message, ...placeOf(this.#text, at, this.#query) });
  }

  /** Says what was warned of elsewhere, once per place too. */
  say(warning: RqlWarning): void {
    const { code, offset, length } = warning;
    const id = `${code} ${offset} ${offset + length}`;
    if (this.#said.has(id)) return;
    this.#said.add(id);
    this.#warnings.push(warning);
  }

  /** Work of which nobody knows yet whether it was called for: what it warns of is given back, and not said. */
  aside<Result>(work: () => Result): {
    readonly result: Result;
    readonly warnings: readonly RqlWarning[];
  } {
    const said = this.#said;
    const first = this.#warnings.length;
    this.#said = new Set(said);
    try {
      const result = work();
      return { result, warnings: this.#warnings.splice(first) };
    } finally {
      this.#said = said;
    }
  }

  /** What was warned of so far counts for nothing: it is said anew where it comes up again. */
  forget(): void {
    this.#said.clear();
    this.#warnings.length = 0;
  }

  /** Warnings since the last call. */
  takeWarnings(): RqlWarning[] {
    return this.#warnings.splice(0);
  }
}

/** Steps between two looks at the cancel flag. */
const CANCEL_LOOKS = 1_024;
