/**
 * Recordings out of a few lines of arithmetic, for tests of baselines and scores: what is in them is known
 * exactly, because it was put in.
 *
 * gateway asks service asks store, a fraction of a ms each. A tier that is blocked does nothing: what comes to it
 * meanwhile is seen when it is over, all at once, so its own timing looks healthy and its caller's does not.
 */
import { seededRandom } from "../../support/seeded-random.ts";
import { arrivalsOf } from "./arrivals.ts";
import { type FaultKind, type FaultName, faultOf, TIERS, type Tier } from "./faults.ts";
import type { Detection, HostLog, Injection, Recording, Span, TierLog } from "./recording.ts";

export interface Block extends Span {
  readonly tier: Tier;
  readonly fault?: FaultName;
  readonly kind?: FaultKind;
}

const WAY: readonly Tier[] = ["gateway", "service", "store"];
const WORK_MS = 0.4;
const SAMPLE_MS = 20;
export const WARM_MS = 10_000;

export interface Wishes {
  readonly seed?: number;
  readonly ratePerSecond?: number;
  readonly totalMs?: number;
  readonly blocks?: readonly Block[];
  /** The end of the recording that counts as clean; the rest, after warming up, is for faults. */
  readonly cleanMs?: number;
  /** Time that each tier's thread waits for a processor in each ms, from other work on the machine. */
  readonly waitShare?: (ms: number) => number;
}

/** Times begin at 0. */
export function syntheticRecording({
  seed = 1,
  ratePerSecond = 300,
  totalMs = 40_000,
  blocks = [],
  cleanMs = 10_000,
  waitShare = () => 0,
}: Wishes): Recording {
  const { atMs } = arrivalsOf(seed, [{ fromMs: 0, ratePerSecond }], totalMs);
  const random = seededRandom(seed + 1);
  const logs = new Map(
    WAY.map((tier) => [tier, { arrived: [] as number[], departed: [] as number[] }]),
  );
  const doneMs = atMs.map((start) => {
    let now = start;
    const came: number[] = [];
    for (const tier of WAY) {
      now = freeAt(blocks, tier, now);
      came.push(now);
      now += WORK_MS * (0.5 + random());
    }
    for (const tier of [...WAY].reverse()) {
      now = freeAt(blocks, tier, now) + 0.05;
      const log = logs.get(tier);
      log?.arrived.push(came.pop() as number);
      log?.departed.push(now);
    }
    return now;
  });
  const sections = [
    { kind: "warm-up", fromMs: 0, toMs: WARM_MS },
    { kind: "faults", fromMs: WARM_MS, toMs: totalMs - cleanMs },
    { kind: "clean", fromMs: totalMs - cleanMs, toMs: totalMs },
  ] as const;
  return {
    run: {
      ...{
        seed,
        size: "ci",
        ratePerSecond,
        busyUs: 0,
        skewMs: {},
        peers: {},
        sections,
        machine: "none",
      },
      ...{ startMs: 0, endMs: totalMs },
    },
    truths: blocks.map(truthOf),
    clients: {
      ...{ intendedMs: atMs, sentMs: atMs, doneMs, ok: atMs.map(() => 1) },
      route: atMs.map(() => 0),
    },
    tiers: new Map(TIERS.map((tier) => [tier, tierLog(logs.get(tier))])),
    hosts: new Map(TIERS.map((tier) => [tier, hostLog(blocks, tier, totalMs, waitShare)])),
    ...{ loops: [], collections: [], episodes: [], live: [], snapshots: [] },
  };
}

/** A detection that says what it is told to say. */
export function detection(
  startMs: number,
  endMs: number,
  rest: Partial<Detection> = {},
): Detection {
  return {
    ...{ startMs, endMs, knownMs: endMs, class: "fault", suspects: [], explained: null },
    ...rest,
  };
}

/** The truth of a block, without the rest of a recording. */
export function truthOf(
  { tier, startMs, endMs, fault = "loop-block", kind }: Block,
  id: number,
): Injection {
  const { causes, kind: usual } = faultOf(fault);
  const part = { fault, tier, tiers: [tier], causes, startMs, endMs, detail: {} };
  const nominalMs = endMs - startMs;
  return { id, fault, kind: kind ?? usual, nominalMs, startMs, endMs, parts: [part] };
}

function freeAt(blocks: readonly Block[], tier: Tier, ms: number): number {
  const block = blocks.find((each) => each.tier === tier && ms >= each.startMs && ms < each.endMs);
  return block?.endMs ?? ms;
}

function tierLog(log: { arrived: number[]; departed: number[] } | undefined): TierLog {
  const order = (log?.departed ?? []).map((_, i) => i);
  order.sort((a, b) => (log?.departed[a] ?? 0) - (log?.departed[b] ?? 0));
  return {
    arrivedMs: Float64Array.from(order, (i) => log?.arrived[i] ?? 0),
    departedMs: Float64Array.from(order, (i) => log?.departed[i] ?? 0),
  };
}

/** A blocked tier runs all the time; else a tenth of it. */
function hostLog(
  blocks: readonly Block[],
  tier: Tier,
  totalMs: number,
  waitShare: (ms: number) => number,
): HostLog {
  const atMs = Float64Array.from({ length: totalMs / SAMPLE_MS + 2 }, (_, i) => i * SAMPLE_MS);
  let [run, wait] = [0, 0];
  const waitMs = new Float64Array(atMs.length);
  const runMs = atMs.map((at, i) => {
    const isBlocked = blocks.some(
      (each) => each.tier === tier && at > each.startMs && at <= each.endMs,
    );
    run += SAMPLE_MS * (isBlocked ? 1 : 0.1);
    wait += SAMPLE_MS * waitShare(at);
    waitMs[i] = wait;
    return run;
  });
  const still = atMs.map(() => 0);
  return { atMs, runMs, waitMs, writtenBytes: still, ioStallMs: still };
}
