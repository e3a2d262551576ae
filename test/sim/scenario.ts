/**
 * What one seed means: how many nodes, what they do, which faults there are and how often.
 *
 * Each kind of fault is left out of half of the runs or more: a run in which everything fails at once
 * seldom gets far enough to show anything.
 */
import { Chance } from "./chance.ts";

export interface NodePlan {
  readonly name: string;
  /** Wall clock minus true time at the start. */
  readonly skewMs: number;
  /** The node's clock runs so much faster, as a fraction. */
  readonly drift: number;
  /** Whether its epoch file survives restarts. */
  readonly keepsData: boolean;
  readonly stream: "all" | "on-demand";
}

/** Rates per request to the collector, 0 to 1. */
export interface RequestFaults {
  readonly lost: number;
  readonly replyLost: number;
  readonly reset: number;
  readonly repeated: number;
  /** Delivered again, or for the first time, much later. */
  readonly late: number;
  readonly refused: number;
  readonly corrupted: number;
  readonly tooLarge: number;
  readonly neverAnswered: number;
  readonly longestDelayMs: number;
}

/** Mean time between two of a kind; 0: never. */
export interface Happenings {
  readonly partitionMs: number;
  readonly killMs: number;
  readonly leaveMs: number;
  readonly twinMs: number;
  readonly stepMs: number;
  readonly collectorCrashMs: number;
  readonly collectorStopMs: number;
  readonly floodMs: number;
  readonly commandMs: number;
  readonly captureMs: number;
  readonly triggerMs: number;
}

export interface DiskFaults {
  readonly flushMs: number;
  readonly slow: number;
  readonly full: number;
}

export interface Scenario {
  readonly seed: number;
  readonly mode: "safety" | "liveness";
  readonly nodes: readonly NodePlan[];
  /** How long faults go on. */
  readonly faultyMs: number;
  readonly maxDriftMs: number;
  readonly windowBytes: number;
  /** Of nodes on demand: the others ship before anything is so old. */
  readonly windowMs: number;
  readonly queueBytes: number;
  readonly flushIntervalMs: number;
  readonly expireAfterMs: number;
  readonly messageTimeoutMs: number;
  readonly roundChanges: number;
  readonly segmentEvents: number;
  /** Questions and work behind ingest pause after about so many steps, as on a slow machine; 0: never. */
  readonly stepsPerTurn: number;
  /** Mean time between two pieces of work on a node. */
  readonly workMs: number;
  readonly logCount: number;
  readonly keyCount: number;
  readonly bigValues: number;
  readonly sends: number;
  readonly messageLost: number;
  readonly messageRepeated: number;
  readonly messageSlow: number;
  readonly forged: number;
  readonly requests: RequestFaults;
  readonly happenings: Happenings;
  readonly disk: DiskFaults;
  /** Undefined: everything is kept. */
  readonly retentionMs: number | undefined;
}

export function drawScenario(seed: number): Scenario {
  const chance = new Chance(Math.imul(seed + 1, 0x9e3779b1) >>> 0);
  const maybe = (probability: number, most: number): number =>
    chance.isTrue(probability) ? chance.next() * most : 0;
  const every = (probability: number, shortest: number, longest: number): number =>
    chance.isTrue(probability) ? chance.between(shortest, longest) : 0;
  const mode = chance.isTrue(0.5) ? "liveness" : "safety";
  const isSkewed = chance.isTrue(0.6);
  const hasDrift = chance.isTrue(0.3);
  const demand = new OnDemand(seed);
  const nodes = Array.from({ length: chance.between(2, 5) }, (_, index): NodePlan => {
    const skewMs = isSkewed ? chance.between(-10_000, 10_000) : 0;
    const drift = hasDrift ? (chance.next() - 0.5) / 10 : 0;
    const keepsData = chance.isTrue(0.5);
    return { name: `n${index + 1}`, skewMs, drift, keepsData, stream: demand.stream() };
  });
  const bigValues = maybe(0.5, 0.5);
  // Big values and few variables: a queue that overflows, and a state that fits into it all the same.
  const isSmall = bigValues > 0 && chance.isTrue(0.8);
  const logCount = chance.pick(isSmall ? [1, 3] : [1, 3, 8]);
  const keyCount = chance.pick(isSmall ? [1] : [1, 5, 20]);
  return {
    seed,
    mode,
    nodes,
    faultyMs: chance.isTrue(0.05) ? 45_000 : chance.between(2_000, 8_000),
    maxDriftMs: chance.pick([60_000, 60_000, 60_000, 5_000, 500, 20]),
    windowBytes: chance.pick([64 * 1024, 64 * 1024, 1024 * 1024]),
    windowMs: demand.windowMs,
    queueBytes: chance.pick([64 * 1024, 64 * 1024, 1024 * 1024]),
    flushIntervalMs: chance.pick([10, 50, 50, 200]),
    expireAfterMs: chance.pick([2_000, 5_000, 60_000]),
    roundChanges: chance.pick([5, 50, 1_000]),
    // Drawn apart, so that older seeds keep their scenarios.
    segmentEvents: new Chance(Math.imul(seed + 7, 0x85ebca6b) >>> 0).pick([4, 32, 256]),
    stepsPerTurn: new Chance(Math.imul(seed + 11, 0x165667b1) >>> 0).pick([0, 0, 3, 12]),
    workMs: chance.pick([10, 30, 100]),
    logCount,
    keyCount,
    bigValues,
    sends: chance.pick([0.05, 0.2, 0.4]),
    messageLost: maybe(0.5, 0.2),
    messageRepeated: maybe(0.5, 0.2),
    messageSlow: maybe(0.5, 0.1),
    forged: maybe(0.1, 0.02),
    requests: {
      lost: maybe(0.5, 0.2),
      replyLost: maybe(0.5, 0.2),
      reset: maybe(0.5, 0.2),
      repeated: maybe(0.5, 0.2),
      late: maybe(0.4, 0.2),
      refused: maybe(0.4, 0.2),
      corrupted: maybe(0.3, 0.05),
      tooLarge: maybe(0.2, 0.05),
      neverAnswered: maybe(0.2, 0.05),
      longestDelayMs: chance.pick([2, 40, 400]),
    },
    happenings: {
      partitionMs: every(0.4, 1_000, 5_000),
      killMs: every(0.4, 1_000, 6_000),
      leaveMs: every(0.3, 1_000, 6_000),
      twinMs: every(0.1, 2_000, 6_000),
      stepMs: every(0.3, 500, 4_000),
      collectorCrashMs: every(0.4, 500, 5_000),
      collectorStopMs: every(0.2, 1_000, 5_000),
      floodMs: every(0.25, 1_000, 5_000),
      commandMs: every(0.4, 300, 3_000),
      captureMs: demand.captureMs,
      triggerMs: demand.triggerMs,
    },
    disk: {
      flushMs: chance.pick([0, 5, 50]),
      slow: maybe(0.3, 0.1),
      full: maybe(0.3, 0.1),
    },
    messageTimeoutMs: chance.pick([30_000, 30_000, 1_500]),
    retentionMs: retentionOf(seed, demand),
  };
}

/**
 * In a quarter of the seeds, from a stream of its own; not where captures are judged, which promise that
 * what they brought is there.
 */
function retentionOf(seed: number, { captureMs }: OnDemand): number | undefined {
  const chance = new Chance(Math.imul(seed + 1, 0xc2b2ae35) >>> 0);
  return captureMs === 0 && chance.isTrue(0.35) ? chance.pick([1_000, 1_500, 3_000]) : undefined;
}

/** Who ships on demand only, and what is asked then: from a stream of chance of its own, so that the other seeds stay what they were. */
class OnDemand {
  readonly #chance: Chance;
  readonly #share: number;
  readonly windowMs: number;
  readonly captureMs: number;
  readonly triggerMs: number;

  constructor(seed: number) {
    const chance = new Chance(Math.imul(seed + 1, 0x85ebca6b) >>> 0);
    this.#chance = chance;
    this.#share = chance.pick([0, 0, 0, 0, 0, 0.5, 0.5, 1]);
    this.windowMs = chance.pick([60_000, 60_000, 5_000, 1_500]);
    const isUsed = this.#share > 0 || chance.isTrue(0.1);
    this.captureMs = isUsed ? chance.pick([200, 600, 2_000]) : 0;
    this.triggerMs = isUsed && chance.isTrue(0.5) ? chance.between(300, 3_000) : 0;
  }

  stream(): NodePlan["stream"] {
    return this.#chance.isTrue(this.#share) ? "on-demand" : "all";
  }
}
