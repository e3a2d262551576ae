/**
 * Runs whose first events have not arrived: they began before anything that is known of them, and until
 * it is known when, no cut that they may have a part in is complete.
 *
 *     run 1   |joined ------------------------ closed
 *     run 2              epoch ....hole....[40..90]        may have begun from its epoch on: the process
 *             complete   | "hole"                          started then, and need not know of run 1
 *
 * An epoch whose first events were declared lost begins with them.
 */
import { type Hlc, MIN_HLC, TICKS_PER_MS } from "../../agent/kernel/index.ts";
import type { EpochRecord } from "../store/history-store.ts";
import { FIRST_AGENT_EPOCH, holeEntry, holesOf } from "./completeness.ts";
import type { Incomplete } from "./history.ts";
import type { EpochSpan, NodeSpans } from "./membership.ts";

/** A later run than `span` that may have begun by `t`, though nothing of it that early has come. */
export function missingBeginning(
  node: NodeSpans,
  span: EpochSpan | undefined,
  t: Hlc,
): { readonly entry: Incomplete; readonly record: EpochRecord } | undefined {
  for (const later of node.unbegun) {
    const { record } = later;
    const [hole] = holesOf(record);
    if (hole === undefined) continue;
    const index = node.spans.indexOf(later);
    if (span !== undefined && index <= node.spans.indexOf(span)) continue;
    const from = begunAfter(record, node.spans[index - 1]);
    if (t > from) return { entry: holeEntry(node.node, { ...hole, from }), record };
  }
  return undefined;
}

/** Ticks after which the run may have begun. */
export function begunAfter(record: EpochRecord, before: EpochSpan | undefined): Hlc {
  // Above all that was promised for the run before it, if it knew of that; else by its own clock.
  return before === undefined
    ? MIN_HLC
    : (Math.min(endOfKnown(before.record), startOf(record)) as Hlc);
}

/** The tick before the run may have begun, when all that is known of that is its epoch; else before it joined. */
export function earliestBefore({ contiguousSeq, epoch, joined }: EpochRecord): Hlc {
  return contiguousSeq > 0
    ? ((joined - 1) as Hlc)
    : (Math.min(joined - 1, startOf({ epoch })) as Hlc);
}

/** An agent's epoch is the time of its start or, where it knows of runs before it, more: then it speaks above those. */
function startOf({ epoch }: Pick<EpochRecord, "epoch">): number {
  return epoch < FIRST_AGENT_EPOCH ? Number.POSITIVE_INFINITY : epoch * TICKS_PER_MS - 1;
}

/** The last time at which a run is known to have gone on. */
function endOfKnown({ closed, end }: EpochRecord): Hlc {
  return end?.kind === "left" ? end.t : closed;
}
