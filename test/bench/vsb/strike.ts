/**
 * Strikes: carries out one planned injection and says what it was, by the word of who did it.
 *
 * A process is stopped and continued from here, so for those faults this process is the injector, and its own
 * monotonic readings on the near sides of the two signals are the truth.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { BACKEND, type Fault, faultOf, LINK, type Place, type Tier, USED_TIERS } from "./faults.ts";
import type { PlannedInjection } from "./plan.ts";
import type { Injected } from "./processes/messages.ts";
import { monotonicMs } from "./processes/monotonic.ts";
import type { Injection, TruthPart } from "./recording.ts";
import type { Scene } from "./scene.ts";

type Outcome = Omit<Injected, "injected">;

/** A quota of one third, as a cycle: stopped for so long, then running for so long. */
const STOPPED_MS = 16;
const RUNNING_MS = 8;

/**
 * @param dueMs when it was planned for: a burst is in the load's list, and does not wait for us
 * @returns its truth; times are `monotonicMs`
 */
export async function strike(
  scene: Scene,
  planned: PlannedInjection,
  dueMs: number,
): Promise<Injection> {
  const { id, durationMs } = planned;
  const fault = faultOf(planned.fault);
  const first = fault.first === undefined ? fault : faultOf(fault.first);
  const parts = [
    fault.by === "load"
      ? burstOf(fault, planned, dueMs)
      : strikeOne(scene, first, planned.tier, durationMs, id),
  ];
  if (fault.second !== undefined) {
    const { afterMs, tier } = fault.second;
    const other = faultOf(fault.second.fault);
    // Half as long, so that the first one still lasts when it is over.
    parts.push(sleep(afterMs).then(() => strikeOne(scene, other, tier, durationMs / 2, id)));
  }
  const struck = await Promise.all(parts);
  return {
    ...{ id, fault: fault.name, kind: fault.kind, nominalMs: durationMs, parts: struck },
    startMs: Math.min(...struck.map((part) => part.startMs)),
    endMs: Math.max(...struck.map((part) => part.endMs)),
  };
}

async function burstOf(
  { name, causes }: Fault,
  { tier, durationMs }: PlannedInjection,
  startMs: number,
): Promise<TruthPart> {
  const endMs = startMs + durationMs;
  await sleep(Math.max(0, endMs - monotonicMs()));
  return { ...{ fault: name, tier, tiers: [tier], causes, startMs, endMs }, detail: {} };
}

async function strikeOne(
  scene: Scene,
  fault: Fault,
  tier: Tier,
  durationMs: number,
  id: number,
): Promise<TruthPart> {
  const outcome = await tried(scene, () => outcomeOf(scene, fault, tier, durationMs, id));
  const { name, causes } = fault;
  const { startMs, endMs, detail } = outcome;
  return { fault: name, tier, tiers: chargedOf(fault, tier), causes, startMs, endMs, detail };
}

/**
 * A machine that is too busy may not get round to a fault in time: that one is marked, never judged, and the run
 * goes on. Where a process has ended there is nothing to go on with.
 */
async function tried(
  { tiers, backend, link }: Scene,
  inject: () => Promise<Outcome>,
): Promise<Outcome> {
  const startMs = monotonicMs();
  try {
    return await inject();
  } catch (error) {
    const needed = [...tiers.values(), backend, ...(link === undefined ? [] : [link])];
    if (needed.some(({ isRunning }) => !isRunning)) throw error;
    return { startMs, endMs: monotonicMs(), detail: { failed: 1 } };
  }
}

/** The tiers of which naming one is right. */
function chargedOf({ charge }: Fault, tier: Tier): readonly Place[] {
  if (charge === "any") return USED_TIERS;
  if (charge === "backend") return [tier, BACKEND];
  return charge === "link" ? LINK : [tier];
}

async function outcomeOf(
  scene: Scene,
  { name, by }: Fault,
  tier: Tier,
  durationMs: number,
  id: number,
): Promise<Outcome> {
  const order = { id, fault: name, durationMs };
  if (by === "link") {
    if (scene.link === undefined) throw new Error(`${name} needs the link`);
    return await scene.link.inject(order);
  }
  if (by === "backend") return await scene.backend.inject(order);
  if (name === "cpu-contention") {
    const burnt = await Promise.all(scene.burners.map((burner) => burner.inject(order)));
    return {
      startMs: Math.min(...burnt.map(({ startMs }) => startMs)),
      endMs: Math.max(...burnt.map(({ endMs }) => endMs)),
      detail: { burners: burnt.length },
    };
  }
  if (name === "freeze") return await stopped(scene, tier, durationMs);
  if (name === "throttle") return await throttled(scene, tier, durationMs);
  return await scene.tier(tier).inject(order);
}

async function stopped(scene: Scene, tier: Tier, durationMs: number): Promise<Outcome> {
  const child = scene.tier(tier);
  child.signal("SIGSTOP");
  const startMs = monotonicMs();
  try {
    await sleep(durationMs);
  } finally {
    child.signal("SIGCONT");
  }
  return { startMs, endMs: monotonicMs(), detail: {} };
}

async function throttled(scene: Scene, tier: Tier, durationMs: number): Promise<Outcome> {
  const startMs = monotonicMs();
  let stoppedMs = 0;
  while (monotonicMs() - startMs < durationMs) {
    const stop = await stopped(scene, tier, STOPPED_MS);
    stoppedMs += stop.endMs - stop.startMs;
    await sleep(RUNNING_MS);
  }
  return { startMs, endMs: monotonicMs(), detail: { stoppedMs } };
}
