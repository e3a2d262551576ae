/**
 * Rule 2: exclusive load above m + 4s, at any scale, and above what chance makes of the usual requests. Load is
 * known while a stall lasts, before anything completes; *exclusive* load leaves out requests that wait for others.
 */
import { SLOT_US } from "../../agent/kernel/index.ts";
import { EXCLUSIVE_LOAD } from "./baselines.ts";
import type { Flag } from "./flags.ts";
import type { NodeView } from "./node-view.ts";
import { zOf } from "./robust.ts";
import { SLOT_MS } from "./settings.ts";

/** Flags of windows that begin in [fromSlot, untilSlot). */
export function detectLoad(view: NodeView, from: number, until: number): Flag[] {
  const { all, node, settings, chance } = view;
  const flags: Flag[] = [];
  for (const slots of settings.loadScales) {
    // A window may reach past the end: it belongs to where it begins.
    for (const { slot, window } of all.track.windows(from, until + slots - 1, slots)) {
      if (slot >= until) break;
      const usual = all.baselines.at(slot, EXCLUSIVE_LOAD, slots);
      if (usual === undefined) continue;
      const score = zOf(window.exclusive, usual);
      if (score <= settings.flagAt || window.exclusive <= chance.limitAt(slot, slots)) continue;
      flags.push({
        rule: "load",
        node,
        operation: null,
        to: null,
        startUs: slot * SLOT_US,
        endUs: (slot + slots) * SLOT_US,
        windowMs: slots * SLOT_MS,
        value: window.exclusive,
        median: usual.median,
        score,
        opens: true,
      });
    }
  }
  return flags;
}
