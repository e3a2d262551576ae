/**
 * Rule 3: nothing completes although something is in flight, for longer than chance allows: at the usual
 * rate the probability of no completion in w is exp(-rate x |w|), and below 1e-4 it counts. So a quiet
 * service, where nothing happens for long anyway, does not flag.
 */
import { SLOT_US } from "../../agent/kernel/index.ts";
import type { Flag } from "./flags.ts";
import type { NodeView } from "./node-view.ts";
import { SLOT_MS } from "./settings.ts";

/** Flags of stretches that begin in [from, until), slots. */
export function detectFreeze(view: NodeView, from: number, until: number): Flag[] {
  const { track } = view.all;
  const flags: Flag[] = [];
  const isStill = (slot: number): boolean => {
    const window = track.window(slot);
    return window !== undefined && window.completions === 0 && window.inFlight > 0;
  };
  let slot = Math.max(from, track.firstSlot);
  // One that began before is not ours.
  while (slot < until && isStill(slot) && isStill(slot - 1)) slot += 1;
  while (slot < until) {
    if (!isStill(slot)) {
      slot += 1;
      continue;
    }
    let end = slot + 1;
    while (isStill(end)) end += 1;
    const flag = flagOf(view, slot, end);
    if (flag !== undefined) flags.push(flag);
    slot = end;
  }
  return flags;
}

function flagOf({ all, node, settings }: NodeView, slot: number, end: number): Flag | undefined {
  const rate = all.baselines.rates(slot)?.completions;
  if (rate === undefined) return undefined;
  const seconds = ((end - slot) * SLOT_US) / 1e6;
  const expected = rate * seconds;
  if (Math.exp(-expected) >= settings.freezeProbability) return undefined;
  return {
    rule: "freeze",
    node,
    operation: null,
    to: null,
    startUs: slot * SLOT_US,
    endUs: end * SLOT_US,
    windowMs: (end - slot) * SLOT_MS,
    value: 0,
    median: expected,
    score: expected,
    opens: true,
  };
}
