/**
 * Where a stretch of a node's raw clock lies among the stamps that it gave: on its lane, and on every cut.
 *
 *     raw clock    ----a----------onset====end-----        a: the last arrival before the onset
 *     stamps       ---------a'----------onset'====end'     a' - a: its lead
 *
 * A node that hears from one whose clock is ahead stamps ahead of its own clock. So raw time alone would put a
 * stall hundreds of milliseconds away from the events that it held up.
 */
import type { NodeRecording } from "./recording.ts";

/** An arrival longer ago says nothing of the lead now. Far less than a baseline, so that live and past agree. */
const NEAR_US = 5_000_000;

/** How far stamps were ahead of the raw clock at `us`; 0 where no request arrived lately. Reads all requests once. */
export function leadAt({ requests }: Pick<NodeRecording, "requests">, us: number): number {
  let arrivedUs = us - NEAR_US;
  let lead = 0;
  for (const { startUs, leadUs = 0 } of requests) {
    if (startUs > us || startUs < arrivedUs) continue;
    arrivedUs = startUs;
    lead = leadUs;
  }
  return lead;
}
