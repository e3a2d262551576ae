/**
 * P10: every cut with conditions over 1,000 nodes (the greatest, the least, the number of distinct values),
 * from compressed blocks in the real store, by one worker thread; and the same by recomputing over all nodes
 * at each cut (the interpreter), in turns.
 *
 * Nodes have enough events for two segments each: with 4,000, as this bench had once, nothing is sealed.
 * RETROSCOPE_BENCH_EVENTS=3e7 asks for more.
 */
import type { Hlc } from "#dist/agent/kernel/index.js";
import { WorkerSlices } from "#dist/collector/rql/engine/worker-slices.js";
import { sizes } from "./cut-workload.ts";
import type { Figure } from "./figure.ts";
import { interleave } from "./support.ts";
import { interpretUntil, type Searched, searchAll, storeWalkHistory } from "./walk-workload.ts";

export const title = "walk every cut with conditions over 1,000 nodes (P10)";

const NODES = 1_000;
const ROUNDS = 3;
const CONDITIONS = {
  greatest: "Max(vr1) > 1000000",
  least: "Min(vr1) > 1000000",
  distinct: "Cardinality(vr1) < 4",
} as const;
/** The interpreter goes through a part of the range. */
const INTERPRETED_SHARE = 0.00006;

export async function run(report: (figure: Figure) => void): Promise<void> {
  const [eventCount = 14_000_000] = sizes([14_000_000]);
  const stored = await storeWalkHistory(NODES, Math.floor(eventCount / NODES));
  const threads = new WorkerSlices(1);
  const part = Math.floor(stored.from + (stored.to - stored.from) * INTERPRETED_SHARE) as Hlc;
  const perSecond = ({ cuts, ms }: Searched): number => (cuts / ms) * 1_000;
  try {
    for (const [name, condition] of Object.entries(CONDITIONS)) {
      const measured = await interleave({
        rounds: ROUNDS,
        candidates: {
          engine: async () => perSecond(await searchAll(stored, condition, threads)),
          recomputing: async () => perSecond(await interpretUntil(stored, condition, part)),
        },
      });
      report({
        metric: `${name} over ${NODES.toLocaleString("en-US")} nodes, one worker`,
        value: measured.engine.median / 1e6,
        unit: "M cuts/s",
        better: "higher",
        against: { what: "recomputing at each cut", value: measured.recomputing.median / 1e6 },
        goal: { atLeast: 20 },
        workload:
          `${eventCount.toLocaleString("en-US")} changes of one variable on ${NODES} nodes, sealed in LMDB; ` +
          `${condition}; ${ROUNDS} rounds, read and decoded anew in each`,
      });
    }
  } finally {
    await threads.close();
    await stored.close();
  }
}
