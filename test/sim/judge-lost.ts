/**
 * What an answer calls lost was lost: the node's agents count as many events that they dropped. A checkpoint that
 * is gone, a batch that cannot be read, a state that retention did not write down all show as an honest
 * `lost`; where less was dropped and no disk is damaged, that is a promise broken.
 *
 * Retention alone may lose what it passes over: events that had not come when those after them were old
 * enough to go. By the ledger that needs a seq without an acknowledgement, and old events after it; or a run
 * that was forgotten and came again: what came before is a hole then.
 */
import type { Cut } from "../../collector/cut/history.ts";
import { at, type Judge } from "./judge.ts";
import type { EpochLedger } from "./ledger.ts";

/** With more dropped than this an agent may fold what it declares into ranges over events that came. */
const SURELY_NOT_FOLDED = 64;

export function judgeLost(judge: Judge, cut: Cut): void {
  for (const { node, reason, events, from, to } of cut.incomplete) {
    // Without a number of events it is the end of a run that is not known: nobody could declare that.
    if (reason !== "lost" || events === undefined) continue;
    const epochs = judge.ledger.byNode.get(node) ?? [];
    const processes = new Set(epochs.map(({ process }) => process));
    let dropped = 0;
    for (const process of processes) dropped += process.droppedCount();
    if (dropped > SURELY_NOT_FOLDED || epochs.some(({ isDouble }) => isDouble)) continue;
    judge.counts.add("losses judged");
    if (events <= dropped || epochs.some((one) => mayBePassedOver(judge, one))) continue;
    const range = `${events} from ${from} to ${to}, dropped ${dropped}`;
    judge.fail("lost, and nobody lost it", `${node}: ${range} ${at(cut)}`);
    return;
  }
}

/** Whether an event that has not come may lie before one that is old enough for retention. */
function mayBePassedOver(judge: Judge, epoch: EpochLedger): boolean {
  const { retentionMs } = judge.scenario;
  if (retentionMs === undefined) return false;
  if (epoch.mayHaveComeAgain(retentionMs)) return true;
  let missing = 1;
  while (epoch.isAcked(missing)) missing += 1;
  for (const [seq, madeMs] of epoch.madeMs) {
    if (seq > missing) return judge.nowMs() - madeMs >= retentionMs;
  }
  return false;
}
