/**
 * The processes of a run, and their end:
 *
 *     load -> gateway -> service -> [link] -> store -> backend       spare (nobody asks it)
 *                    \-> prices, stock                               host-sampler, burners
 *          every tier's agent -> collector; the backend has none
 *
 * All listen on loopback, at ports that the system gives.
 */
import { mkdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { Child } from "./child.ts";
import { startCollector } from "./collector-process.ts";
import { BACKEND, LINK, type Place, TIERS, type Tier } from "./faults.ts";
import type { Plan } from "./plan.ts";
import type { LoadOrders } from "./processes/load.ts";
import type { TierOrders } from "./processes/tier.ts";

/** Two for each processor: one alone would share it with whom it disturbs. */
const BURNERS_PER_CPU = 2;

/**
 * The scene has no stalls of its own to spare. So garbage is collected often and little at a time (of a young space of
 * 16 MB it took 8 ms, and up to 37), on the thread that made it (helpers would run on the other tiers' processors, and
 * be waited for where they get none), and there may be some that is old before it is looked through.
 */
const CALM_HEAP: readonly string[] = [
  "--single-threaded-gc",
  "--max-semi-space-size=4",
  "--initial-old-space-size=256",
];
/** V8's trace is a truth. */
const TIER_FLAGS: readonly string[] = ["--trace-gc", ...CALM_HEAP];

export interface SceneWishes {
  readonly plan: Plan;
  readonly directory: string;
  readonly skewMs: Readonly<Record<string, number>>;
  readonly withLink: boolean;
  readonly withBurners: boolean;
}

export class Scene {
  readonly url: string;
  readonly tiers: ReadonlyMap<Tier, Child>;
  readonly load: Child;
  readonly sampler: Child;
  readonly backend: Child;
  readonly link: Child | undefined;
  readonly burners: readonly Child[];
  readonly #end: () => Promise<void>;

  private constructor(parts: Omit<Scene, "close" | "tier" | "peers">, end: () => Promise<void>) {
    this.url = parts.url;
    this.tiers = parts.tiers;
    this.load = parts.load;
    this.sampler = parts.sampler;
    this.backend = parts.backend;
    this.link = parts.link;
    this.burners = parts.burners;
    this.#end = end;
  }

  static async open(wishes: SceneWishes): Promise<Scene> {
    const running: Array<{ end(): Promise<void> }> = [];
    const end = async (): Promise<void> => {
      // The load first, the collector last: nobody talks to one that is gone.
      for (const each of running.splice(0).reverse()) await each.end();
    };
    try {
      return new Scene(await startAll(wishes, running), end);
    } catch (error) {
      await end();
      throw error;
    }
  }

  /** By which addresses places are known to those that see no agent there. */
  get peers(): Readonly<Record<string, Place>> {
    const peers: Record<string, Place> = { [`127.0.0.1:${this.backend.port}`]: BACKEND };
    for (const [tier, { port }] of this.tiers) peers[`127.0.0.1:${port}`] = tier;
    if (this.link !== undefined) peers[`127.0.0.1:${this.link.port}`] = LINK[1];
    return peers;
  }

  tier(name: Tier): Child {
    const child = this.tiers.get(name);
    if (child === undefined) throw new Error(`there is no tier ${name}`);
    return child;
  }

  /** Ends every process. May be called twice. */
  close(): Promise<void> {
    return this.#end();
  }
}

async function startAll(
  { plan, directory, skewMs, withLink, withBurners }: SceneWishes,
  running: Array<{ end(): Promise<void> }>,
): Promise<Omit<Scene, "close" | "tier" | "peers">> {
  const started = <T extends { end(): Promise<void> }>(each: T): T => {
    running.push(each);
    return each;
  };
  const data = historyIn(directory);
  const files = join(directory, "files");
  for (const path of [data, files]) mkdirSync(path, { recursive: true });
  const collector = started(await startCollector(data));
  const tiers = new Map<Tier, Child>();
  const backend = started(await Child.start(BACKEND, "backend", {}, CALM_HEAP));
  const next: Partial<Record<Place, string>> = { backend: address(backend.port) };
  let link: Child | undefined;
  // From the back: each is told where those behind it answer.
  for (const tier of [...TIERS].reverse()) {
    const orders: TierOrders = {
      ...{ tier, collector: collector.url, next, busyUs: plan.busyUs, directory: files },
      skewMs: skewMs[tier] ?? 0,
    };
    const child = started(await Child.start(tier, "tier", orders, TIER_FLAGS));
    tiers.set(tier, child);
    let port = child.port;
    if (withLink && tier === LINK[1]) {
      link = started(await Child.start("link", "link", { port }));
      port = link.port;
    }
    next[tier] = address(port);
  }
  const pids = TIERS.map((tier) => tiers.get(tier)?.pid ?? 0);
  const sampler = started(await Child.start("host-sampler", "host-sampler", { pids }, CALM_HEAP));
  const burners: Child[] = [];
  while (withBurners && burners.length < BURNERS_PER_CPU * availableParallelism()) {
    burners.push(started(await Child.start("burner", "burner", {})));
  }
  const { arrivalSeed: seed, rates, totalMs } = plan;
  const orders: LoadOrders = { url: next.gateway ?? "", seed, rates, totalMs };
  const load = started(await Child.start("load", "load", orders, CALM_HEAP));
  return { url: collector.url, tiers, load, sampler, backend, link, burners };
}

/** Where a run keeps its history. */
export function historyIn(directory: string): string {
  return join(directory, "history");
}

function address(port: number): string {
  return `http://127.0.0.1:${port}`;
}
