/**
 * P12: a timeline request for any range of 10 million events.
 *
 * Ranges are drawn log-uniformly from 100 ms to all of history, at random places, 1,000 pixels wide.
 * "Cold" is each request with nothing decoded in memory, as after a restart; "warm" with the tiles
 * that the requests before left, as for somebody who browses.
 */
import { type Hlc, TICKS_PER_MS } from "#dist/agent/kernel/index.js";
import { seededRandom } from "../support/seeded-random.ts";
import { percentile, type StoredHistory, sizes, storeHistory } from "./cut-workload.ts";
import type { Figure } from "./figure.ts";

export const title = "timeline of any range (P12)";

const PIXELS = 1_000;
const WARM_REQUESTS = 200;
const COLD_REQUESTS = 10;
const SHORTEST_TICKS = 100 * TICKS_PER_MS;

export async function run(report: (figure: Figure) => void): Promise<void> {
  for (const eventCount of sizes([10_000_000])) await runSize(eventCount, report);
}

async function runSize(eventCount: number, report: (figure: Figure) => void): Promise<void> {
  const stored = await storeHistory(eventCount);
  try {
    const random = seededRandom(eventCount);
    const started = performance.now();
    await timeRequest(stored, { from: stored.first, to: stored.last });
    const wholeColdMs = performance.now() - started;
    const warm = await times(stored, WARM_REQUESTS, random, () => {});
    const cold = await times(stored, COLD_REQUESTS, random, () => stored.history.dropCaches());
    const size = `${eventCount.toLocaleString("en-US")} events`;
    const workload =
      `${size} of 10 nodes in LMDB; ${PIXELS} pixels, ranges log-uniform from 100 ms to all; ` +
      `${WARM_REQUESTS} warm requests after one over all, ${COLD_REQUESTS} cold ones`;
    const figure = { unit: "ms", better: "lower", workload } as const;
    report({ ...figure, metric: "timeline p50, warm", value: percentile(warm, 0.5) });
    report({
      ...figure,
      metric: "timeline p95, warm",
      value: percentile(warm, 0.95),
      goal: { atMost: 50 },
    });
    report({
      ...figure,
      metric: "timeline p95, cold",
      value: percentile(cold, 0.95),
      goal: { atMost: 50 },
    });
    report({
      ...figure,
      metric: "timeline of all, cold",
      value: wholeColdMs,
      goal: { atMost: 50 },
    });
  } finally {
    await stored.close();
  }
}

async function times(
  stored: StoredHistory,
  count: number,
  random: () => number,
  before: () => void,
): Promise<number[]> {
  const all = stored.last - stored.first;
  const taken: number[] = [];
  for (let i = 0; i < count; i += 1) {
    before();
    const ticks = SHORTEST_TICKS * (all / SHORTEST_TICKS) ** random();
    const from = Math.floor(stored.first + random() * (all - ticks)) as Hlc;
    taken.push(await timeRequest(stored, { from, to: Math.floor(from + ticks) as Hlc }));
  }
  return taken;
}

async function timeRequest(
  { history }: StoredHistory,
  range: { readonly from: Hlc; readonly to: Hlc },
): Promise<number> {
  const started = performance.now();
  const timeline = await history.timeline(range, PIXELS);
  const took = performance.now() - started;
  const changes = timeline.lanes.flatMap(({ buckets }) => buckets.map((bucket) => bucket.changes));
  if (changes.reduce((sum, count) => sum + count, 0) === 0) throw new Error("an empty timeline");
  return took;
}
