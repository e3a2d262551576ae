/**
 * Records one run: starts the scene, strikes at the planned times, and gathers what everybody noted.
 *
 * Whatever happens, every process that was started is ended before this returns or throws.
 */
import { mkdirSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readColumns } from "./columns-file.ts";
import { faultOf, TIERS, type Tier } from "./faults.ts";
import { LiveListener } from "./live-listener.ts";
import type { Plan } from "./plan.ts";
import { monotonicMs, unixOffsetMs } from "./processes/monotonic.ts";
import { checkedSnapshots, episodesOf } from "./questions.ts";
import type {
  Collection,
  HostLog,
  Injection,
  LoopDelay,
  Recording,
  Span,
  TierLog,
} from "./recording.ts";
import { Scene } from "./scene.ts";
import { strike } from "./strike.ts";
import { collectionsIn } from "./v8-trace.ts";

/** From the last start of a process to the first request. */
const LEAD_MS = 1_000;
/** After the last request: answers that are still under way. */
const TAIL_MS = 2_500;

export interface RecordWishes {
  readonly plan: Plan;
  /** For the history and for what processes write down. */
  readonly directory: string;
  /** By how much clocks of tiers differ from the true one, ahead and behind in turns. */
  readonly skewMs: number;
  /** Takes a line of progress. */
  readonly say: (line: string) => void;
}

export async function record({ plan, directory, skewMs, say }: RecordWishes): Promise<Recording> {
  mkdirSync(directory, { recursive: true });
  const skews = Object.fromEntries(
    TIERS.map((tier, index) => [tier, index % 2 === 0 ? skewMs : -skewMs]),
  );
  const uses = (by: string): boolean =>
    plan.injections.some(({ fault }) => faultOf(fault).by === by);
  const withBurners = plan.injections.some(({ fault }) => fault === "cpu-contention");
  const scene = await Scene.open({
    ...{ plan, directory, withBurners, skewMs: skews, withLink: uses("link") },
  });
  try {
    return await recordIn(scene, plan, directory, skews, say);
  } finally {
    await scene.close();
  }
}

async function recordIn(
  scene: Scene,
  plan: Plan,
  directory: string,
  skewMs: Readonly<Record<string, number>>,
  say: (line: string) => void,
): Promise<Recording> {
  const live = new LiveListener(scene.url);
  try {
    const originMs = monotonicMs() + LEAD_MS;
    scene.load.tell({ do: "begin", originMs });
    const truths: Injection[] = [];
    for (const planned of plan.injections) {
      const dueMs = originMs + planned.atMs;
      await sleepUntil(dueMs);
      truths.push(await strike(scene, planned, dueMs));
      say(
        `${planned.id + 1}/${plan.injections.length} ${planned.fault} ${planned.durationMs} ms ${planned.tier}`,
      );
    }
    await sleepUntil(originMs + plan.totalMs + TAIL_MS);
    const endMs = monotonicMs();
    say("gathering what was noted");
    // One offset for all: monotonic time of a machine is one clock.
    const offsetMs = unixOffsetMs();
    const noted = await gather(scene, directory, offsetMs);
    const startMs = originMs + offsetMs;
    const episodes = await episodesOf(scene.url, startMs, endMs + offsetMs);
    const snapshots = await checkedSnapshots(scene.url, episodes ?? [], noted.stamps);
    const collections = await collectionsOf(scene, noted.v8StartMs);
    return {
      run: {
        ...{ seed: plan.seed, size: plan.size, ratePerSecond: plan.ratePerSecond },
        ...{ busyUs: plan.busyUs, skewMs, peers: scene.peers, startMs, endMs: endMs + offsetMs },
        sections: plan.sections.map(({ kind, fromMs, toMs }) => ({
          ...{ kind, fromMs: fromMs + startMs, toMs: toMs + startMs },
        })),
        machine: machine(),
      },
      truths: truths.map((truth) => withTrace(moved(truth, offsetMs), collections)),
      ...{ clients: noted.clients, tiers: noted.tiers, hosts: noted.hosts },
      ...{ loops: noted.loops, collections, episodes, snapshots },
      live: live.episodes.map(({ receivedMs, episode }) => ({
        ...{ receivedMs: receivedMs + offsetMs, episode },
      })),
    };
  } finally {
    live.close();
  }
}

type Noted = Pick<Recording, "clients" | "tiers" | "hosts" | "loops"> & {
  readonly stamps: ReadonlyMap<Tier, Float64Array>;
  /** Unix ms. */
  readonly v8StartMs: ReadonlyMap<Tier, number>;
};

async function gather(scene: Scene, directory: string, offsetMs: number): Promise<Noted> {
  const unix = (column: Float64Array): Float64Array => column.map((ms) => ms + offsetMs);
  const at = (name: string): string => join(directory, `${name}.f64`);
  await scene.load.dump(at("load"));
  await scene.sampler.dump(at("host"));
  const tiers = new Map<Tier, TierLog>();
  const stamps = new Map<Tier, Float64Array>();
  const loops: LoopDelay[] = [];
  const v8Starts = new Map<Tier, number>();
  for (const tier of TIERS) {
    const child = scene.tier(tier);
    const { extra } = await child.dump(at(tier));
    const [arrived, departed, stamp] = columnsOf(at(tier), 3);
    tiers.set(tier, { arrivedMs: unix(arrived), departedMs: unix(departed) });
    stamps.set(tier, stamp);
    const { delays = [], v8StartMs = 0 } = extra as unknown as {
      delays?: Array<{ fromMs: number; toMs: number; p99Ms: number; maxMs: number }>;
      v8StartMs?: number;
    };
    for (const { fromMs, toMs, p99Ms, maxMs } of delays) {
      loops.push({ tier, startMs: fromMs + offsetMs, endMs: toMs + offsetMs, p99Ms, maxMs });
    }
    v8Starts.set(tier, v8StartMs + offsetMs);
  }
  const [intended, sent, done, ok, route] = columnsOf(at("load"), 5);
  const clients = { intendedMs: unix(intended), sentMs: unix(sent), doneMs: unix(done), ok, route };
  const hosts = hostsOf(at("host"), unix);
  return { clients, tiers, stamps, loops, hosts, v8StartMs: v8Starts };
}

/** Ends the tiers, which then say the rest of what V8 traced. */
async function collectionsOf(
  scene: Scene,
  v8StartMs: ReadonlyMap<Tier, number>,
): Promise<Collection[]> {
  await Promise.all(TIERS.map((tier) => scene.tier(tier).leave()));
  return TIERS.flatMap((tier) =>
    collectionsIn(scene.tier(tier).output, tier, v8StartMs.get(tier) ?? 0),
  );
}

/** The columns of a file, so many as the pattern that takes them. */
function columnsOf(
  path: string,
  count: number,
): [Float64Array, Float64Array, Float64Array, Float64Array, Float64Array] {
  return readColumns(path, count) as ReturnType<typeof columnsOf>;
}

function hostsOf(path: string, unix: (column: Float64Array) => Float64Array): Map<Tier, HostLog> {
  const columns = readColumns(path, 6);
  const which = columns[0] as Float64Array;
  return new Map(
    TIERS.map((tier, index) => {
      const [at, run, wait, written, stall] = columns
        .slice(1)
        .map((column) => column.filter((_, row) => which[row] === index)) as [
        Float64Array,
        Float64Array,
        Float64Array,
        Float64Array,
        Float64Array,
      ];
      const log: HostLog = {
        ...{ atMs: unix(at), runMs: run, waitMs: wait, writtenBytes: written, ioStallMs: stall },
      };
      return [tier, log];
    }),
  );
}

function moved(truth: Injection, byMs: number): Injection {
  const move = <T extends Span>(span: T): T => ({
    ...span,
    ...{ startMs: span.startMs + byMs, endMs: span.endMs + byMs },
  });
  return { ...move(truth), parts: truth.parts.map(move) };
}

/** Milliseconds of collections inside, by V8's own trace: for faults that are garbage's, who took the time. */
function withTrace(truth: Injection, collections: readonly Collection[]): Injection {
  return {
    ...truth,
    parts: truth.parts.map((part) => {
      const gcMs = collections
        .filter(({ tier, atMs }) => tier === part.tier && isIn(atMs, part))
        .reduce((sum, { ms }) => sum + ms, 0);
      const isStorm = part.fault === "gc-storm";
      const mostly = gcMs > (part.endMs - part.startMs) / 2 ? "gc" : "run";
      return {
        ...part,
        causes: isStorm ? [mostly] : part.causes,
        detail: { ...part.detail, gcMs },
      };
    }),
  };
}

/** V8 counts whole ms from a start that is known to some ms. */
const TRACE_ERROR_MS = 25;

function isIn(atMs: number, { startMs, endMs }: Span): boolean {
  return atMs >= startMs - TRACE_ERROR_MS && atMs <= endMs + TRACE_ERROR_MS;
}

async function sleepUntil(atMs: number): Promise<void> {
  const leftMs = atMs - monotonicMs();
  if (leftMs > 0) await sleep(leftMs);
}

function machine(): string {
  const all = cpus();
  return `Node ${process.versions.node}, ${all.length} x ${all[0]?.model ?? "unknown processor"}`;
}
