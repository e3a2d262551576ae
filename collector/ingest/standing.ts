/** How far an epoch is known to have come: what a new epoch of the node must stand above. */
import { type AgentCommand, formatHlc, type Hlc, MIN_HLC } from "../../agent/kernel/index.ts";
import type { EpochRecord } from "../store/history-store.ts";

export interface Standing {
  readonly epoch: number;
  readonly t: Hlc;
}

export function standingOf({ epoch, lastT, closed, end }: EpochRecord): Standing {
  return { epoch, t: Math.max(lastT, closed, end?.t ?? MIN_HLC) as Hlc };
}

/** The highest epoch and the highest time of those known, `epoch` itself left out. */
export function standingBeside(epoch: number, known: Iterable<Standing>): Standing | undefined {
  let highest: Standing | undefined;
  for (const one of known) {
    if (one.epoch === epoch) continue;
    highest = {
      epoch: Math.max(highest?.epoch ?? one.epoch, one.epoch),
      t: Math.max(highest?.t ?? one.t, one.t) as Hlc,
    };
  }
  return highest;
}

/** The command to open a further epoch above `epoch` and all that is known of the node. */
export function rejoinAbove(
  node: string,
  epoch: number,
  known: Iterable<Standing>,
  reason: "unknown-epoch" | "not-above",
): AgentCommand {
  let aboveEpoch = epoch;
  let aboveT: Hlc = MIN_HLC;
  for (const one of known) {
    aboveEpoch = Math.max(aboveEpoch, one.epoch);
    aboveT = Math.max(aboveT, one.t) as Hlc;
  }
  return { command: "rejoin", node, aboveEpoch, aboveT: formatHlc(aboveT), reason };
}
