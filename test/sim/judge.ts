/** What the judges of single properties need of the checker, so that they do not import it. */
import type { Cut } from "../../collector/cut/history.ts";
import type { Counts } from "./counts.ts";
import type { EpochLedger, Ledger } from "./ledger.ts";
import type { Scenario } from "./scenario.ts";

export interface Judge {
  readonly ledger: Ledger;
  readonly scenario: Scenario;
  readonly counts: Counts;
  nowMs(): number;
  fail(what: string, detail: string): void;
  /** Whether the event came so long ago that retention may have taken it. */
  mayBeGone(epoch: EpochLedger, seq: number): boolean;
  /** The epoch of a node that counts at t, by the ledger. */
  activeAt(node: string, t: number): EpochLedger | "uncertain" | undefined;
}

/** Where a failure lies, in words. */
export function at(cut: Cut): string {
  return `at ${cut.at}`;
}
