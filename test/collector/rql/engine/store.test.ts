/**
 * The engine over a store with sealed segments and batches that are not sealed yet, joins, a restart, losses
 * and a watermark within the range: the same lines as by the interpreter alone. What it covers, and how, is
 * told by EXPLAIN.
 */
import { afterAll, describe, expect, it } from "vitest";
import type { Hlc } from "../../../../agent/kernel/index.ts";
import { InlineSlices } from "../../../../collector/rql/engine/inline-slices.ts";
import type { OpenSlices, SliceThreads } from "../../../../collector/rql/engine/slice-threads.ts";
import { WorkerSlices } from "../../../../collector/rql/engine/worker-slices.ts";
import type { PlanLine, ResultLine } from "../../../../collector/rql/interpret/lines.ts";
import { InlineThreads } from "../../../../collector/rql/run/inline-threads.ts";
import { QueryRunner } from "../../../../collector/rql/run/query-runner.ts";
import type { Row } from "../../../support/batches.ts";
import { Draw } from "../../../support/random-history.ts";
import { seededRandom } from "../../../support/seeded-random.ts";
import { atMs, join, set, type ToldHistory, tellHistory } from "../../../support/told-history.ts";

const EVENTS = 1_200;
const BATCH = 50;
const NODES = ["n1", "n2", "n3"];

/** Three nodes with two variables each; n2 begins anew, n3 loses something, and joins late. */
async function someHistory(): Promise<ToldHistory> {
  const told = tellHistory({ limits: { segmentEvents: 200 } });
  const draw = new Draw(seededRandom(5));
  for (const [index, node] of NODES.entries()) {
    let seq = 1;
    let epoch = 1;
    for (let first = 0; first < EVENTS; first += BATCH) {
      const rows: Row[] = [];
      const begins = first === 0 || (node === "n2" && first === 600);
      if (begins && first > 0) {
        epoch += 1;
        seq = 1;
      }
      for (let i = first; i < first + BATCH; i += 1) {
        const t = (atMs(i + index * 100) + draw.below(3_000)) as Hlc;
        if (begins && i === first) rows.push(join(atMs(i + index * 100)));
        else rows.push(set(t, "l", draw.chance(0.7) ? "v" : "w", draw.below(9)));
      }
      const lost = node === "n3" && first === 800;
      const lossT = rows[0]?.t ?? atMs(0);
      const dropped = lost
        ? [
            {
              ...{ firstSeq: seq, lastSeq: seq + 2, firstT: lossT, lastT: lossT },
              ...{ logs: ["l"], messages: false, reason: "overflow" as const },
            },
          ]
        : [];
      if (lost) seq += 3;
      await told.tell(node, seq, rows, { epoch, dropped });
      seq += rows.length;
    }
  }
  await told.history.idle();
  expect(told.history.sealer.segmentCount).toBeGreaterThan(5);
  return told;
}

/** Counts slices on their way. */
function counted(threads: SliceThreads): SliceThreads & { slices: number; cuts: number } {
  const counting = {
    ...{ slices: 0, cuts: 0, workers: threads.workers },
    open(setup: Parameters<SliceThreads["open"]>[0]): OpenSlices {
      const open = threads.open(setup);
      return {
        workers: open.workers,
        async run(slice) {
          const result = await open.run(slice);
          counting.slices += 1;
          counting.cuts += result.cuts;
          return result;
        },
        cancel: () => open.cancel(),
        close: () => open.close(),
      };
    },
    close: () => threads.close(),
  };
  return counting;
}

async function ask(
  { history, timers }: ToldHistory,
  rql: string,
  slices: SliceThreads | undefined,
): Promise<ResultLine[]> {
  const lines: ResultLine[] = [];
  const to = atMs(EVENTS + 400);
  const runner = new QueryRunner({
    ...{ history, timers, threads: new InlineThreads(), now: () => to },
    ...(slices === undefined ? {} : { slices }),
    runner: { sliceEvents: 150, plainEvents: 20 },
    report: (error) => {
      throw error;
    },
  });
  const write = (text: string): Promise<void> => {
    for (const line of text.split("\n")) {
      if (line !== "") lines.push(JSON.parse(line) as ResultLine);
    }
    return Promise.resolve();
  };
  await runner.answer({ rql, from: atMs(20), to }, () => write, new AbortController().signal);
  return lines.filter(({ type }) => type !== "progress" && type !== "hit");
}

const QUERIES = [
  "SELECT v FROM l WHEN Max(v) - Min(v) > 7",
  "SELECT v, w FROM l WHEN Cardinality(v) = 1 FOR AT LEAST 1ms",
  'SELECT v FROM l WHEN v["n1"] > v["n2"] AND Sum(w) > 12 COUNT',
  'SELECT v FROM l WHEN EXISTS x IN v : (x > w["n3"]) FIRST 5',
  "SELECT w, gap FROM l COMPUTE OUT gap AND gap := Max(w) - Avg(v) WHEN gap > 3 LAST 4",
  "SELECT v FROM l WHEN v = w",
  "SELECT v FROM l WHEN Max(v) > 7 THEN Min(v) < 1 WITHIN 2ms",
  "SELECT v FROM l WHEN Count({x IN v : (x > 4)}) >= 2 EACH CHANGE LIMIT 300",
  "SELECT v FROM l LIMIT 400",
  'SELECT v FROM l WHEN Changed(v["n1"]) AND Max(v) > 7',
  "SELECT v, w FROM l WHEN Changed(w) EACH CHANGE LIMIT 200",
  "SELECT v FROM l WHEN Became(Max(v) - Min(v) > 7) THEN Min(v) < 1 WITHIN 2ms FIRST 3",
  'SELECT v FROM l WHEN Max(v) > 7 NOT FOLLOWED BY Changed(w["n3"]) WITHIN 3ms LIMIT 60',
  "SELECT v FROM l WHEN Max(v) > 7 NOT FOLLOWED BY Min(v) < 1 WITHIN 1ms FIRST 60",
  "SELECT v FROM l WHEN 9 IN v OR Min(w) > 6 AT NODES n1, n3",
];

describe("the engine over a store", () => {
  const told = someHistory();
  const workers = new WorkerSlices(2);
  afterAll(() => workers.close());

  it.each(QUERIES)("answers as the interpreter does: %s", async (rql) => {
    const history = await told;
    const inline = counted(new InlineSlices());
    const plain = await ask(history, rql, undefined);
    expect(await ask(history, rql, inline)).toEqual(plain);
    expect(inline.slices).toBeGreaterThan(1);
    const end = plain.at(-1);
    expect(end).toMatchObject({ type: "end", status: "done" });
    expect(end?.type === "end" && end.matches > 0).toBe(true);
  });

  it("goes through most of the range, by threads as well", async () => {
    const rql = `${QUERIES[0]} COUNT`;
    const history = await told;
    const threads = counted(workers);
    const plain = await ask(history, rql, undefined);
    expect(await ask(history, rql, threads)).toEqual(plain);
    const end = plain.at(-1);
    if (end?.type !== "end") throw new Error("no end");
    expect(threads.cuts).toBeGreaterThan(end.cuts / 2);
    expect(threads.cuts).toBeLessThan(end.cuts);
  });

  it("says with EXPLAIN how each part is evaluated, and why a query is left to the interpreter", async () => {
    const history = await told;
    const planOf = async (rql: string): Promise<PlanLine> => {
      const lines = await ask(history, `EXPLAIN ${rql}`, new InlineSlices());
      const plan = lines.find(({ type }) => type === "plan");
      if (plan?.type !== "plan") throw new Error("no plan");
      return plan;
    };
    const mixed = await planOf('SELECT v FROM l WHEN Max(v) - Min(v) > 3 AND v["n1"] > 100');
    expect(mixed.mode).toBe("compiled");
    expect(mixed.text).toMatch(
      /^conjunct {2}Max\(v\) - Min\(v\) > 3 {2}incremental: 2 tournament trees$/m,
    );
    expect(mixed.text).toMatch(/^conjunct {2}v\["n1"\] > 100 {2}compiled$/m);
    expect(mixed.text).toMatch(/^engine {4}\d+ stretches in columns, [\d.]+ % of the range$/m);
    expect((await planOf("SELECT v FROM l WHEN Cardinality(v) > 2")).mode).toBe("incremental");
    expect((await planOf("SELECT v FROM l WHEN v = w")).mode).toBe("interpreter");
    const followed = await planOf("SELECT v FROM l WHEN Max(v) > 7 THEN v = w WITHIN 2ms");
    expect(followed.mode).toBe("interpreter");
    expect(followed.text).toMatch(/^conjunct {2}Max\(v\) > 7 {2}incremental: 1 tournament tree$/m);
    expect(followed.text).toMatch(/^conjunct {2}THEN v = w {2}interpreter$/m);
    const whole: readonly (readonly [why: string, rql: string])[] = [
      ["Age", "SELECT v FROM l WHEN Max(Age(v)) > 1ms"],
      ["Previous", "SELECT Previous(v) AS was FROM l"],
      ["messages in flight", "SELECT v FROM l WHEN InFlight() > 0"],
      ["Status", 'SELECT v FROM l WHEN Status("n1") = "live"'],
      ["Became of a change", "SELECT v FROM l WHEN Became(Changed(v))"],
      ["GROUP BY SERVICE of changes", "SELECT v FROM l WHEN Changed(v) GROUP BY SERVICE"],
      [
        "GROUP BY SERVICE of a NOT FOLLOWED BY",
        "SELECT v FROM l WHEN Max(v) > 7 NOT FOLLOWED BY Min(v) < 1 WITHIN 1ms GROUP BY SERVICE",
      ],
      [
        "COMPUTE of other things than numbers",
        "SELECT v, high FROM l COMPUTE VAR high := {x IN v : (x > 7)} WHEN Count(high) > 1",
      ],
    ];
    for (const [why, rql] of whole) {
      const { text, mode, workers } = await planOf(rql);
      expect(text).toContain(`engine    not used: ${why}\n`);
      expect(text).toMatch(/^run {7}cut by cut, 1 worker$/m);
      expect([mode, workers]).toEqual(["interpreter", 1]);
    }
    const carried = await planOf(
      "SELECT seen FROM l COMPUTE GLOBAL seen AND seen := seen UNION v WHEN Cardinality(seen) > 3",
    );
    expect(carried.text).toMatch(/^engine {4}not used: .+$/m);
    expect(carried.text).toMatch(/^run {7}sequential: .+$/m);
  });
});
