/**
 * Where the time of a walk goes: the stages of P9 by themselves over the same slices, in CPU time a cut. What
 * reads is the collector's thread; whatever follows is done by workers.
 *
 * RETROSCOPE_BENCH_EVENTS=1e7 asks for more.
 */
import { SliceColumns } from "#dist/collector/cut/column-rows.js";
import type { ColumnSlice } from "#dist/collector/cut/column-shapes.js";
import { sliceRunOf } from "#dist/collector/rql/engine/slice-evaluation.js";
import { plainSlice, sliceFrom } from "#dist/collector/rql/engine/slice-messages.js";
import { RUN_LIMITS } from "#dist/collector/rql/limits.js";
import { sizes } from "./cut-workload.ts";
import type { Figure } from "./figure.ts";
import { interleave } from "./support.ts";
import { KEY, LOG, schemaOf, storeWalkHistory, type WalkHistory } from "./walk-workload.ts";

export const title = "the stages of a walk over 10 nodes, each by itself (P9)";

const NODES = 10;
const ROUNDS = 7;
const SLICE_EVENTS = 524_288;
/** Some of it is decided piece by piece, all of it, and nothing: then every cut is evaluated in order. */
const CONDITIONS = [
  "Max(vr1) - Min(vr1) > 40",
  "Max(vr1) > 1e9",
  "Max(vr1) - Min(vr1) > 3",
] as const;

export async function run(report: (figure: Figure) => void): Promise<void> {
  const [eventCount = 3_000_000] = sizes([3_000_000]);
  const stored = await storeWalkHistory(NODES, Math.floor(eventCount / NODES));
  try {
    const slices = await slicesOf(stored);
    const columns = new SliceColumns([{ log: LOG, key: KEY }]);
    const perCut = async (work: () => Promise<unknown> | unknown): Promise<number> => {
      const before = process.cpuUsage();
      await work();
      const { user, system } = process.cpuUsage(before);
      return ((user + system) * 1_000) / stored.eventCount;
    };
    const evaluations = Object.fromEntries(
      CONDITIONS.map((condition) => {
        const evaluate = evaluationOf(stored, condition);
        return [`decode and evaluate: ${condition}`, () => perCut(() => slices.map(evaluate))];
      }),
    );
    const measured = await interleave<string>({
      rounds: ROUNDS,
      warmUpRounds: 3,
      candidates: {
        "read and check": () => perCut(() => slicesOf(stored)),
        "hand over": () => perCut(() => slices.map((slice) => sliceFrom(plainSlice(slice)))),
        decode: () => perCut(() => slices.map((slice) => drain(columns, slice))),
        ...evaluations,
      },
    });
    for (const [metric, { median }] of Object.entries(measured)) {
      const workload = `${stored.eventCount.toLocaleString("en-US")} changes on ${NODES} nodes, sealed`;
      report({ metric, value: median, unit: "ns a cut", better: "lower", workload });
    }
  } finally {
    await stored.close();
  }
}

async function slicesOf({ history, from, to }: WalkHistory): Promise<ColumnSlice[]> {
  const columns = history.columns({ from, to, columns: [{ log: LOG, key: KEY }], leastEvents: 1 });
  const slices: ColumnSlice[] = [];
  let after = from;
  while (after < to) {
    const slice = await columns.slice(after, to, SLICE_EVENTS);
    if (slice === undefined) throw new Error("not plain");
    slices.push(slice);
    after = slice.to;
  }
  return slices;
}

function drain(columns: SliceColumns, slice: ColumnSlice): void {
  for (const stream of columns.open(slice)) {
    stream.begin();
    do stream.rows.clear();
    while (stream.read());
  }
}

function evaluationOf({ nodes, to }: WalkHistory, condition: string): (slice: ColumnSlice) => void {
  const run = sliceRunOf(
    {
      ...{ text: `SELECT ${KEY} FROM ${LOG} WHEN ${condition} COUNT`, schema: schemaOf(nodes) },
      ...{ now: to, index: 0, nodes, limits: RUN_LIMITS },
    },
    () => false,
  );
  return (slice) => {
    if (run.run(slice).reached !== slice.to) throw new Error("not all of a slice");
  };
}
