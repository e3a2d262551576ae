/**
 * The heaviest chain of waits from the entry to what is charged, in excess request-ms: how a stall that lasts
 * 50 ms in a store came to be 500 ms at the door.
 */
import { callsTouching } from "./call-edges.ts";
import type { EdgeView } from "./detect-hop-gap.ts";
import type { Episode, EpisodeHop } from "./episode-shape.ts";
import type { Interval } from "./recording.ts";
import type { SystemView } from "./system-view.ts";
import type { Suspect } from "./tier.ts";

/** Chains are no longer than this: calls may go in circles. */
const MAX_HOPS = 16;

/** `stretch` is of the common frame. */
export function pathTo(system: SystemView, suspect: Suspect, stretch: Interval): EpisodeHop[] {
  const weights = new Map<EdgeView, number>();
  for (const view of system.edges) {
    const own = system.fromFrame(view.edge.from, stretch);
    weights.set(view, excessWait(view, own) / 1_000);
  }
  const hops: EpisodeHop[] = [];
  const seen = new Set<string>([suspect.node]);
  let node = suspect.node;
  let forced = suspect.edge;
  while (hops.length < MAX_HOPS) {
    const [heaviest] = system.edges
      .filter(({ edge }) => edge.to === node && (forced?.from ?? edge.from) === edge.from)
      .filter(({ edge }) => !seen.has(edge.from))
      .sort((a, b) => (weights.get(b) ?? 0) - (weights.get(a) ?? 0));
    const requestMs = heaviest === undefined ? 0 : (weights.get(heaviest) ?? 0);
    if (heaviest === undefined || requestMs <= 0) break;
    const { from, to } = heaviest.edge;
    const kind = forced !== undefined && suspect.kind === "network" ? "network" : "downstream";
    hops.unshift({ from: system.serviceOf(from), to: system.serviceOf(to), kind, requestMs });
    forced = undefined;
    seen.add(from);
    node = from;
  }
  if (suspect.kind === "pool") {
    const service = system.serviceOf(suspect.node);
    hops.push({ from: service, to: service, kind: "pool", requestMs: suspect.excessRequestMs });
  }
  return hops;
}

/** Request-us that calls took above the median of their edge, as it is before the stretch. */
export function excessWait({ edge }: EdgeView, { startUs, endUs }: Interval): number {
  const before = callsTouching(edge, startUs - USUAL_US, startUs - GUARD_US);
  const lengths = before.map((call) => call.endUs - call.startUs).sort((a, b) => a - b);
  const usual = lengths[lengths.length >> 1] ?? 0;
  return callsTouching(edge, startUs, endUs).reduce(
    (sum, call) => sum + Math.max(0, call.endUs - call.startUs - usual),
    0,
  );
}

const USUAL_US = 10_000_000;
/** What was under way when the episode began is no calm. */
const GUARD_US = 500_000;

/** For people: `gateway -> stock -> db`. */
export function pathText({ path, tier }: Pick<Episode, "path" | "tier">): string {
  const [first] = path;
  if (first === undefined) return tier.service;
  return [first.from, ...path.map(({ to }) => to)].join(" -> ");
}
