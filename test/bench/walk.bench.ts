/**
 * P9: every cut of a range with a condition over 10 nodes, each cut a change of one of them: from compressed
 * blocks in the real store (read, checked, decoded, merged, evaluated), by one worker thread, by two, and by
 * the interpreter, in turns. The file is in the operating system's page cache.
 *
 * RETROSCOPE_BENCH_EVENTS=1e8 asks for more.
 */

import type { Hlc } from "#dist/agent/kernel/index.js";
import { InlineSlices } from "#dist/collector/rql/engine/inline-slices.js";
import { WorkerSlices } from "#dist/collector/rql/engine/worker-slices.js";
import { sizes } from "./cut-workload.ts";
import type { Figure } from "./figure.ts";
import { interleave } from "./support.ts";
import { interpretUntil, type Searched, searchAll, storeWalkHistory } from "./walk-workload.ts";

export const title = "walk every cut with a condition over 10 nodes (P9)";

const NODES = 10;
const ROUNDS = 5;
const CONDITION = "Max(vr1) - Min(vr1) > 40";
/** The interpreter goes through a part of the range. */
const INTERPRETED_SHARE = 0.005;
/** What the original published, on other hardware and with its own data: a reference, no rival. */
const PUBLISHED = 150_000;

export async function run(report: (figure: Figure) => void): Promise<void> {
  const [eventCount = 10_000_000] = sizes([10_000_000]);
  const stored = await storeWalkHistory(NODES, Math.floor(eventCount / NODES));
  const one = new WorkerSlices(1);
  const two = new WorkerSlices(2);
  const inline = new InlineSlices();
  const seen = new Set<string>();
  const perSecond = ({ cuts, turns, ms }: Searched): number => {
    seen.add(`${cuts} cuts, ${turns} turns`);
    return (cuts / ms) * 1_000;
  };
  const part = (stored.from + (stored.to - stored.from) * INTERPRETED_SHARE) as Hlc;
  try {
    const measured = await interleave({
      rounds: ROUNDS,
      candidates: {
        one: async () => perSecond(await searchAll(stored, CONDITION, one)),
        two: async () => perSecond(await searchAll(stored, CONDITION, two)),
        inline: async () => perSecond(await searchAll(stored, CONDITION, inline)),
        interpreter: async () => {
          const { cuts, ms } = await interpretUntil(stored, CONDITION, Math.floor(part) as Hlc);
          return (cuts / ms) * 1_000;
        },
      },
    });
    if (seen.size !== 1) throw new Error(`searches disagree: ${[...seen].join("; ")}`);
    const workload =
      `${eventCount.toLocaleString("en-US")} changes of one variable on ${NODES} nodes, sealed in LMDB; ` +
      `${CONDITION}: ${[...seen].join()}; ${ROUNDS} rounds, read and decoded anew in each`;
    const unit = "M cuts/s";
    const better = "higher";
    const millions = (value: number): number => value / 1e6;
    report({
      metric: "one worker thread",
      value: millions(measured.one.median),
      ...{ unit, better, workload },
      against: { what: "AST interpreter", value: millions(measured.interpreter.median) },
      goal: { atLeast: 30 },
    });
    report({
      metric: "the same, beside the published figure of the original",
      value: millions(measured.one.median),
      ...{ unit, better, workload },
      against: { what: "published, other hardware and data", value: millions(PUBLISHED) },
    });
    report({
      metric: "reading and evaluating in one thread",
      value: millions(measured.inline.median),
      ...{ unit, better, workload },
    });
    report({
      metric: "two workers / one",
      value: measured.two.median / measured.one.median,
      unit: "times",
      better,
      goal: { atLeast: 1.8 },
      workload,
    });
  } finally {
    await one.close();
    await two.close();
    await stored.close();
  }
}
