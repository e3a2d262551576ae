/** Whether the condition of a query can turn at all while values stay within bounds. */
import { type BoundsTables, decided } from "./bounds.ts";
import type { Coming } from "./number-bounds.ts";
import type { Conjunct, Program } from "./program.ts";

/** That neither the condition nor that of its window can turn, whatever numbers within `coming` cells take. */
export function isConditionDecided(
  { when, follower }: Pick<Program, "when" | "follower">,
  coming: Coming,
  tables: BoundsTables,
): boolean {
  const truthOf = ({ ir }: Conjunct): number | undefined => ir && decided(ir, coming, tables);
  for (const conjunct of when) {
    const truth = truthOf(conjunct);
    // What stands before it would be evaluated at every cut, and may have something to warn of.
    if (truth === undefined) return false;
    if (truth === 0) break;
  }
  return follower === undefined || truthOf(follower) !== undefined;
}
