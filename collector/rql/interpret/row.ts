/** A row while it is being made, before it is told as JSON. */
import type { Hlc, Json } from "../../../agent/kernel/index.ts";
import type { Shortfall } from "./shortfalls.ts";

/** What was found at the cut at which a row begins. */
export interface Finding {
  readonly t: Hlc;
  /** One per column, as JSON. */
  readonly values: readonly Json[];
  /** Nodes whose change at `t` touched the condition, in order. */
  readonly by: readonly string[];
}

export interface Stretch extends Finding {
  readonly to: Hlc;
  readonly sinceStart: boolean;
  readonly open: boolean;
  /** Missing at some cut of it. */
  readonly shortfalls: ReadonlySet<Shortfall>;
}

/** Takes what was found, in order. */
export type Emit = (stretch: Stretch) => void;

/** A row that qualified. `at`: a single cut (EACH CHANGE). */
export type FoundRow =
  | { readonly kind: "interval"; readonly n: number; readonly stretch: Stretch }
  | {
      readonly kind: "cut";
      readonly n: number;
      readonly finding: Finding;
      readonly shortfalls: ReadonlySet<Shortfall>;
    };

export interface RunTotals {
  readonly matches: number;
  readonly matchedTicks: number;
  readonly unknownTicks: number;
  readonly undecided: number;
  readonly cuts: number;
}
