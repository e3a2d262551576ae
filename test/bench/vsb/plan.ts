/**
 * What a run does and when, worked out from its seed before it starts.
 *
 *     | warm-up | clean | slot | slot | slot | ... | clean |
 *                          ^ one injection, at a random place of its slot
 *
 * Injections come in random order and at a random phase, so that no window of anybody's is in step with them;
 * the rest of a slot lets queues drain and baselines settle.
 */
import { seededRandom } from "../../support/seeded-random.ts";
import type { RateStep } from "./arrivals.ts";
import {
  BURST_FACTORS,
  CLOCK_STEP_MS,
  FAULTS,
  type Fault,
  type FaultName,
  faultOf,
  type Tier,
  UNDER_NOISE_MS,
} from "./faults.ts";

export type SizeName = "smoke" | "ci" | "long";

/** ms from the start of the load. */
export interface Section {
  readonly kind: "warm-up" | "clean" | "faults";
  readonly fromMs: number;
  readonly toMs: number;
}

export interface PlannedInjection {
  readonly id: number;
  readonly fault: FaultName;
  readonly tier: Tier;
  readonly durationMs: number;
  readonly atMs: number;
}

export interface Plan {
  readonly seed: number;
  /** Another one for each round. */
  readonly arrivalSeed: number;
  readonly size: SizeName;
  readonly ratePerSecond: number;
  /** Work of each request in `service`, us of its processor. */
  readonly busyUs: number;
  readonly sections: readonly Section[];
  readonly injections: readonly PlannedInjection[];
  readonly rates: readonly RateStep[];
  readonly totalMs: number;
}

interface Load {
  readonly ratePerSecond: number;
  readonly busyUs: number;
}

interface Size {
  readonly loads: readonly Load[];
  readonly faults: readonly FaultName[];
  readonly durationsMs: readonly number[];
  readonly repeats: number;
  readonly warmUpMs: number;
  readonly cleanBeforeMs: number;
  readonly cleanAfterMs: number;
  readonly slotMs: number;
}

const CI_FAULTS: readonly FaultName[] = ["loop-block", "gc", "freeze", "slow-downstream"];

export const SIZES: Readonly<Record<SizeName, Size>> = {
  smoke: {
    loads: [{ ratePerSecond: 300, busyUs: 0 }],
    ...{ faults: CI_FAULTS, durationsMs: [200], repeats: 1 },
    ...{ warmUpMs: 7_000, cleanBeforeMs: 5_000, cleanAfterMs: 4_000, slotMs: 3_500 },
  },
  ci: {
    loads: [{ ratePerSecond: 300, busyUs: 0 }],
    ...{ faults: CI_FAULTS, durationsMs: [50, 200], repeats: 5 },
    ...{ warmUpMs: 20_000, cleanBeforeMs: 60_000, cleanAfterMs: 240_000, slotMs: 4_000 },
  },
  long: {
    loads: [
      { ratePerSecond: 100, busyUs: 0 },
      { ratePerSecond: 300, busyUs: 0 },
      // Some 70 % of one processor in `service`.
      { ratePerSecond: 300, busyUs: 2_300 },
      { ratePerSecond: 1_000, busyUs: 0 },
    ],
    ...{ faults: [...FAULTS.keys()], durationsMs: [10, 20, 50, 100, 200, 500], repeats: 30 },
    ...{ warmUpMs: 20_000, cleanBeforeMs: 60_000, cleanAfterMs: 1_140_000, slotMs: 5_000 },
  },
};

/** The end of a slot that stays calm, for what was struck to drain. */
const CALM_MS = 1_500;
/** Injections of one recording, at most: some twenty minutes, whose columns fit into memory many times. */
const ROUND_SLOTS = 240;
/** How long a burst lasts at most: a longer one is a rise of the load. */
const MAX_BURST_MS = 500;

export interface PlanChoice {
  readonly seed: number;
  readonly size: SizeName;
  /** Only these faults; empty: those of the size. */
  readonly only: readonly string[];
  /** Bound for the whole run: fewer injections, chosen by chance, and less clean time. */
  readonly seconds: number | undefined;
  /** Instead of the loads of the size. */
  readonly ratePerSecond?: number | undefined;
}

/**
 * One plan for each round: a load has as many as its injections need, each with processes of its own.
 * @throws if `only` names a fault that there is not
 */
export function plansOf(choice: PlanChoice): Plan[] {
  const { ratePerSecond } = choice;
  const known = SIZES[choice.size];
  const loads = ratePerSecond === undefined ? known.loads : [{ ratePerSecond, busyUs: 0 }];
  const size = { ...known, loads };
  const faults = choice.only.length > 0 ? choice.only.map(faultOf) : size.faults.map(faultOf);
  return loads.flatMap((load, index) =>
    roundsOf(choice, size, faults, load, choice.seed * 1_000 + index * 100),
  );
}

/** Every injection of one load, in rounds of equal length. */
function roundsOf(
  { seed, size: name, seconds }: PlanChoice,
  size: Size,
  faults: readonly Fault[],
  load: Load,
  chance: number,
): Plan[] {
  const random = seededRandom(chance);
  const limitMs =
    seconds === undefined ? Number.POSITIVE_INFINITY : (seconds * 1_000) / size.loads.length;
  const all = shuffled(injectionsOf(faults, size, random), random);
  const usualCleanMs = size.cleanBeforeMs + size.cleanAfterMs;
  const isBounded = size.warmUpMs + usualCleanMs + all.length * size.slotMs > limitMs;
  const warmUpMs = Math.min(size.warmUpMs, limitMs / 4);
  // Of a bounded run two thirds go to injections, once it is warm.
  const room = Math.floor(((limitMs - warmUpMs) * 2) / 3 / size.slotMs);
  const count = isBounded ? Math.min(all.length, room) : all.length;
  const rounds = Math.max(1, Math.ceil(count / ROUND_SLOTS));
  const leftMs = limitMs - rounds * warmUpMs - count * size.slotMs;
  const cleanMs = Math.max(0, Math.min(usualCleanMs, leftMs)) / rounds;
  const beforeMs = (cleanMs * size.cleanBeforeMs) / usualCleanMs;
  return Array.from({ length: rounds }, (_, round): Plan => {
    const first = Math.floor((round * count) / rounds);
    const drawn = all.slice(first, Math.floor(((round + 1) * count) / rounds));
    const from = warmUpMs + beforeMs;
    const to = from + drawn.length * size.slotMs;
    const totalMs = to + cleanMs - beforeMs;
    const injections = drawn.map((each, id): PlannedInjection => {
      const play = Math.max(0, size.slotMs - CALM_MS - 2 * each.durationMs);
      return { ...each, id, atMs: from + id * size.slotMs + random() * play };
    });
    return {
      ...{ seed, arrivalSeed: chance + round, size: name, ...load, injections, totalMs },
      sections: [
        { kind: "warm-up", fromMs: 0, toMs: warmUpMs },
        { kind: "clean", fromMs: warmUpMs, toMs: from },
        { kind: "faults", fromMs: from, toMs: to },
        { kind: "clean", fromMs: to, toMs: totalMs },
      ],
      rates: ratesOf(injections, load.ratePerSecond),
    };
  });
}

type Drawn = Omit<PlannedInjection, "id" | "atMs">;

/** Every fault at every duration, as often as the size says, over its tiers in turns from a random one on. */
function injectionsOf(
  faults: readonly Fault[],
  { durationsMs, repeats }: Size,
  random: () => number,
): Drawn[] {
  return faults.flatMap((fault) =>
    durationsOf(fault, durationsMs).flatMap((durationMs) => {
      const first = Math.floor(random() * fault.tiers.length);
      return Array.from({ length: repeats }, (_, repeat): Drawn => {
        const tier = fault.tiers[(first + repeat) % fault.tiers.length] as Tier;
        return { fault: fault.name, tier, durationMs };
      });
    }),
  );
}

function durationsOf({ name }: Fault, durationsMs: readonly number[]): readonly number[] {
  if (name === "under-noise") return [UNDER_NOISE_MS];
  if (name === "clock-step") return [CLOCK_STEP_MS];
  if (name in BURST_FACTORS) return durationsMs.filter((ms) => ms >= 100 && ms <= MAX_BURST_MS);
  return durationsMs;
}

/** Bursts are part of the load: it is made before it starts. */
function ratesOf(injections: readonly PlannedInjection[], ratePerSecond: number): RateStep[] {
  const steps: RateStep[] = [{ fromMs: 0, ratePerSecond }];
  for (const { fault, atMs, durationMs } of injections) {
    const factor = BURST_FACTORS[fault];
    if (factor === undefined) continue;
    steps.push({ fromMs: atMs, ratePerSecond: ratePerSecond * factor });
    steps.push({ fromMs: atMs + durationMs, ratePerSecond });
  }
  return steps;
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const mixed = [...items];
  for (let i = mixed.length - 1; i > 0; i -= 1) {
    const j = Math.floor(random() * (i + 1));
    [mixed[i], mixed[j]] = [mixed[j] as T, mixed[i] as T];
  }
  return mixed;
}
