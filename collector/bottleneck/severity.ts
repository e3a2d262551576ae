/** What an episode cost at the door, in request-ms: who stands there sees all of it. */
import { SLOT_US } from "../../agent/kernel/index.ts";
import { IN_FLIGHT } from "./baselines.ts";
import type { Episode } from "./episode-shape.ts";
import { excessOf, hiddenWaitUs } from "./excess.ts";
import type { NodeView } from "./node-view.ts";
import type { Interval } from "./recording.ts";
import { SLOT_MS } from "./settings.ts";
import type { SystemView } from "./system-view.ts";

/** `whole` is of the common frame: the episode with its drain. */
export function severityOf(
  system: SystemView,
  group: string,
  whole: Interval,
): Episode["severity"] {
  let requestUs = 0;
  let requests = 0;
  let worstUs = 0;
  for (const entry of system.entriesOf(group)) {
    const own = system.fromFrame(entry.node, whole);
    const costUs = excessOf(entry, IN_FLIGHT, own) + hiddenWaitUs(entry, own);
    const slow = slowRequests(entry, own);
    // Where nobody knows who calls whom, every node may be the door: the worst is.
    requestUs = Math.max(requestUs, costUs);
    requests = Math.max(requests, slow.count);
    worstUs = Math.max(worstUs, slow.worstUs);
  }
  return { requestMs: requestUs / 1_000, requests, worstMs: worstUs / 1_000 };
}

/** Requests that completed in a stretch and took longer than the p99 of the seconds before. */
function slowRequests(
  { all, settings }: NodeView,
  { startUs, endUs }: Interval,
): { readonly count: number; readonly worstUs: number } {
  const slot = Math.floor(startUs / SLOT_US);
  const slots = Math.ceil(endUs / SLOT_US) - slot + 1;
  const during = all.track.latencies(slot, slots);
  const calmSlots = settings.warmUpMs / SLOT_MS;
  const before = all.track.latencies(slot - calmSlots, calmSlots);
  const limitUs = before.total === 0 ? 0 : before.percentile(99);
  return { count: during.countAbove(limitUs), worstUs: during.maxUs };
}
