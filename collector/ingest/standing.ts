/** How far an epoch is known to have come: what a new epoch of the node must stand above. */
import { type AgentCommand, formatHlc, type Hlc, MIN_HLC } from "../../agent/kernel/index.ts";
import type { EpochRecord, GoneStretch } from "../store/history-store.ts";

export interface Standing {
  readonly epoch: number;
  readonly t: Hlc;
}

/**
 * The runs of a node that went on after its latest run, one of another process, had begun: they are
 * displaced, and what they record is nobody's state until their process opens an epoch above that run.
 */
export function displacedOf(ofNode: readonly EpochRecord[]): EpochRecord[] {
  const runs = ofNode.filter(({ imported }) => !imported);
  if (runs.length < 2) return [];
  const latest = runs.reduce((a, b) => (isAfter(b, a) ? b : a));
  return runs.filter(
    (one) => !isOfOneProcess(one, latest) && Math.max(one.lastT, one.closed) >= latest.joined,
  );
}

/** In the order in which cuts take the runs of a node. */
export function isAfter(a: EpochRecord, b: EpochRecord): boolean {
  return a.joined > b.joined || (a.joined === b.joined && a.epoch > b.epoch);
}

function isOfOneProcess(a: EpochRecord, b: EpochRecord): boolean {
  return a.id === b.id || (a.instance === b.instance && a.instance !== "");
}

export function standingOf({ epoch, lastT, closed, end }: EpochRecord): Standing {
  return { epoch, t: Math.max(lastT, closed, end?.t ?? MIN_HLC) as Hlc };
}

/**
 * How far the forgotten epochs of a node had come, as far as that is remembered: a run that begins below
 * them would be taken for the node's state at times when another was.
 */
export function* standingsOfGone(
  gone: readonly GoneStretch[],
  node: string,
): Generator<Standing, void, undefined> {
  for (const one of gone) {
    // `until` itself may be where the next run began, which need not be above itself.
    if (one.node !== node) continue;
    yield { epoch: one.epoch ?? 0, t: (one.until - 1) as Hlc };
    for (const { epoch, lastT } of one.wentOn ?? []) yield { epoch, t: lastT };
  }
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
