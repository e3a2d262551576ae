/**
 * One run of one seed: faults for a while; then either everything is read as it stands (safety), or the
 * faults stop and all must drain and become complete within a bound of virtual time (liveness).
 */
import { audit } from "./audit.ts";
import type { Failure } from "./checker.ts";
import type { Counts } from "./counts.ts";
import { drawScenario, type Scenario } from "./scenario.ts";
import type { SimNode } from "./sim-node.ts";
import { World } from "./world.ts";

/**
 * Once faults have stopped, everything is well within this and the time of expiry: a request that nobody
 * answers (11 s), the longest wait that a collector may ask for (60 s), a further epoch (5 s), and some more.
 */
export const HEAL_BOUND_MS = 90_000;
/**
 * What was recorded when all is well is acknowledged, or given up, within this: a request that nobody
 * will answer, sent just before, keeps its node waiting for 10 s.
 */
const DRAIN_MS = 13_000;
/** What an on-demand node was not asked for it declares within this; what it was asked for it ships. */
const DECLARED_MS = 4_000;
/** As above: captures travel behind the request that is on its way, and so may triggers. */
const CAPTURED_MS = DRAIN_MS;
const TRIGGERED_MS = DRAIN_MS;
/** Triggers are taken with stamps up to so far from the collector's clock, with room for what it moves meanwhile. */
const TRIGGER_AHEAD_MS = 50_000;
const TRIGGER_AGE_MS = 3_500_000;
const CALM_SEEN_MS = 3_000;
/** Half a window is kept for captures; and so long where a command may wait behind a request without answer. */
const SURELY_HELD_MS = 5_000;
const SURELY_HELD_BEHIND_MS = 2 * DRAIN_MS;
/** A window that is full by bytes has just let go of a chunk, a sixteenth in events and one in values. */
const FULL_SHARE = 7 / 8;
const HEAL_STEP_MS = 500;
/** What the collector still has to store when nothing more arrives: mostly so long, and less than so long (78000355). */
const SETTLE_MS = 10_000;
const MAX_SETTLE_MS = 120_000;
/** All of a history is read, in pages whose turns take their time; before that retention ends, as slowly. */
const AUDIT_MS = 1_800_000;
const A_MOMENT_TICKS = 1_500 * 4096;

export interface RunReport {
  readonly seed: number;
  readonly mode: Scenario["mode"];
  readonly counts: Counts;
  readonly failures: readonly Failure[];
  /** Virtual time that healing took; null in safety runs. */
  readonly healedAfterMs: number | null;
  readonly virtualMs: number;
}

export async function simulate(seed: number, change: Partial<Scenario> = {}): Promise<RunReport> {
  const scenario = { ...drawScenario(seed), ...change };
  const world = new World(scenario);
  const restoreFiles = world.files.install();
  const restorePid = pinPid();
  let healedAfterMs: number | null = null;
  try {
    world.start();
    await world.time.advance(scenario.faultyMs);
    if (scenario.mode === "liveness") healedAfterMs = await heal(world);
    await readBack(world);
  } catch (error) {
    const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
    world.checker.fail("an exception", detail);
  } finally {
    restoreFiles();
    restorePid();
  }
  const { counts, checker, time } = world;
  return {
    seed,
    mode: scenario.mode,
    counts,
    failures: checker.failures,
    healedAfterMs,
    virtualMs: time.nowMs,
  };
}

/** The process id is in what agents send: another number of digits would be another history. */
function pinPid(): () => void {
  const before = Object.getOwnPropertyDescriptor(process, "pid");
  Object.defineProperty(process, "pid", { value: 4_242, configurable: true });
  return () => Object.defineProperty(process, "pid", before ?? {});
}

/** The virtual time it took; null: the bound was reached first. */
async function heal(world: World): Promise<number | null> {
  const startMs = world.time.nowMs;
  world.calm();
  const boundMs = HEAL_BOUND_MS + world.scenario.expireAfterMs + clockSpreadMs(world);
  while (world.time.nowMs - startMs < boundMs) {
    await world.time.advance(HEAL_STEP_MS);
    // What says of a node on demand that it is heard again is a promise made after the calm began.
    if (world.time.nowMs - startMs < CALM_SEEN_MS && world.nodes.some((one) => one.isOnDemand)) {
      continue;
    }
    if (whyNotHealed(world) !== undefined) continue;
    const healedAfterMs = world.time.nowMs - startMs;
    await drain(world);
    return healedAfterMs;
  }
  world.checker.fail("not healed", whyNotHealed(world) ?? "");
  return null;
}

/**
 * How long the clock furthest behind takes to get where stamps are already: what is lost there is healed
 * by keyframes later still, and the moment that is asked for, by that clock, has to come after them.
 */
function clockSpreadMs({ nodes }: World): number {
  const behind = Math.min(...nodes.map(({ clock }) => clock.ticks()));
  const ahead = Math.max(...nodes.map(({ process }) => process?.times.at(-1) ?? behind));
  return Math.max(0, (ahead - behind) / 4_096);
}

/**
 * The cut at a moment ago, by whoever's clock is furthest behind, must be complete: in time that moment
 * is later than all that was lost by those who died.
 */
function whyNotHealed(world: World): string | undefined {
  const t = Math.min(...world.nodes.map((node) => node.clock.ticks())) - A_MOMENT_TICKS;
  /** Nodes with a log that fits into no keyframe: they say so, and what is lost of it stays lost. */
  const tooLarge = new Set<string>();
  for (const { agent, name } of world.nodes) {
    if (agent === undefined) return `${name} does not run`;
    const { health, healthReason = "" } = agent;
    if (healthReason.includes("too large for a keyframe")) tooLarge.add(agent.node);
    else if (health !== "ok" && !healthReason.includes("ahead of physical")) {
      return `${name}: ${healthReason}`;
    }
  }
  const cut = world.askAt(t);
  if (cut === undefined) return "nobody answers";
  // What a node on demand did not ship, or lost, the next capture's keyframes heal.
  const onDemand = world.nodes.filter((node) => node.isOnDemand).map(({ agent }) => agent?.node);
  const late = cut.incomplete.filter(({ node, reason }) => {
    if (reason !== "lost" && reason !== "not-captured") return true;
    return !tooLarge.has(node) && !onDemand.includes(node);
  });
  if (world.captures.late !== undefined) return world.captures.late;
  if (late.length > 0) return `at ${t}: ${JSON.stringify(late)}`;
  if (tooLarge.size > 0) world.counts.add("healed but for a log too large for a keyframe");
  const absent = world.nodes.find(({ agent }) => !cut.members.includes(agent?.node ?? ""));
  return absent === undefined ? undefined : `at ${t}: ${absent.name} is no member`;
}

async function drain(world: World): Promise<void> {
  const triggered = triggerAll(world);
  world.isStill = true;
  const captured = captureAll(world);
  const drained = world.nodes.map(async ({ agent, process }) => {
    const epoch = process?.epochs.at(-1);
    if (agent === undefined || epoch === undefined) return undefined;
    const count = agent.stats().recorded - epoch.base;
    if (!(await agent.flush({ timeoutMs: DRAIN_MS }))) return agent.node;
    // What was not asked for is declared by the next heartbeats.
    await new Promise<void>((resolve) => world.time.after(DECLARED_MS, resolve));
    // What was left is as it is; of the epoch at hand all that was recorded when the flush began.
    for (const one of process?.epochs ?? []) one.drainedCount = one.createdCount;
    epoch.drainedCount = Math.max(epoch.drainedCount, count);
    return undefined;
  });
  const late = await world.time.until(Promise.all(drained), 2 * DRAIN_MS);
  for (const node of late) if (node !== undefined) world.checker.fail("not drained", node);
  await world.time.until(captured, 60_000);
  await world.time.until(triggered, 60_000);
}

/** When all is well a service that calls for a capture gets one, by itself or with others. */
async function triggerAll({ nodes, captures, checker, time, collector }: World): Promise<void> {
  const before = captures.turnedAway;
  const calls = nodes.flatMap((node) => {
    const { agent } = node;
    const name = agent?.node;
    const heldBack = agent?.stats().refusedTriggers;
    const t = node.trigger();
    if (agent === undefined || name === undefined || t === undefined) return [];
    // Within a second of the one before: counted, and not told (seed 20266902).
    if (agent.stats().refusedTriggers !== heldBack) return [];
    // Beyond that the collector takes it for the word of a broken clock.
    const aheadMs = (t - collector.now()) / 4_096;
    return aheadMs > TRIGGER_AHEAD_MS || aheadMs < -TRIGGER_AGE_MS ? [] : [{ agent, name, t }];
  });
  await new Promise<void>((resolve) => time.after(TRIGGERED_MS, resolve));
  // Too soon after another of its node, or too many under way: counted, and said.
  if (captures.turnedAway !== before) return;
  for (const { agent, name, t } of calls) {
    if (agent.node !== name || captures.hasTrigger(name, t)) continue;
    checker.fail("a trigger without a capture", `${name} at ${t}`);
  }
}

/** When all is well the last moment of every node on demand comes back whole, and soon. */
async function captureAll(world: World): Promise<void> {
  await Promise.all(
    world.nodes.filter(({ isOnDemand }) => isOnDemand).map((node) => captureLast(world, node)),
  );
}

async function captureLast(world: World, { agent, process, clock }: SimNode): Promise<void> {
  const { scenario, captures, checker, time, counts, network } = world;
  const epoch = process?.epochs.at(-1);
  if (agent === undefined || epoch === undefined) return;
  const to = Math.max(clock.ticks(), process?.times.at(-1) ?? 0);
  const from = to - Math.round(Math.min(1_000, scenario.windowMs / 4)) * 4096;
  if (epoch.firstKnownT > from) return; // a window begins with its epoch ...
  const name = agent.node;
  const bytesAsked = agent.stats().windowBytes;
  // A partition, too, leaves requests without an answer (72002964).
  const isWaiting = network.isWaiting(name);
  const id = await captures.askFor(from, to, [name]);
  await new Promise<void>((resolve) => time.after(CAPTURED_MS, resolve));
  const part = id === undefined ? undefined : captures.capture(id)?.nodes[0];
  counts.add(`last capture: ${part?.state ?? "refused"}`);
  if (part === undefined || part.state === "shipped") return;
  // ... and an agent that was told to may have opened another just after it was asked (81003405).
  if (process?.epochs.at(-1) !== epoch) return;
  // Of two processes under one id, the one that gives way has another by now.
  if (checker.ledger.isContended(name, from, to)) return;
  // What is larger than the window, or older before it is asked for, cannot be had.
  const { lost, replyLost, neverAnswered } = scenario.requests;
  const mayWait = isWaiting || lost + replyLost + neverAnswered > 0;
  const isFull =
    Math.max(bytesAsked, agent.stats().windowBytes) >= FULL_SHARE * scenario.windowBytes;
  const surelyHeldMs = mayWait ? SURELY_HELD_BEHIND_MS : SURELY_HELD_MS;
  if (
    isFull ||
    scenario.windowMs < surelyHeldMs ||
    scenario.bigValues > 0 ||
    part.state === "silent"
  )
    return;
  checker.fail("not captured when all is well", `${id} (${from}, ${to}] ${JSON.stringify(part)}`);
}

async function readBack(world: World): Promise<void> {
  const { collector, network, time, nodes, checker } = world;
  await world.end();
  checker.judgeAgain();
  const promised = world.captures.judge();
  const { history } = collector;
  if (history === undefined) throw new Error("the collector does not start");
  world.saved.judge();
  // Reading takes turns of virtual time, in which nobody may go on, nor what was read be taken away (73000813).
  for (const node of nodes) node.kill();
  network.close();
  await time.until(Promise.resolve(collector.keeping?.close()), AUDIT_MS);
  await settled(world);
  await time.until(audit(checker, history, promised), AUDIT_MS);
}

/** Nothing arrives any more: until all that did has been answered, so that nothing is stored behind the audit. */
async function settled({ time, network, checker }: World): Promise<void> {
  const startMs = time.nowMs;
  do await time.advance(SETTLE_MS);
  while (network.isAnswering && time.nowMs - startMs < MAX_SETTLE_MS);
  if (network.isAnswering) checker.fail("no answer", `for ${MAX_SETTLE_MS} ms after the end`);
}
