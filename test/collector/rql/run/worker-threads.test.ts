/**
 * Queries in threads of their own, as they were built: the same lines as in this thread whatever values
 * travel there, a condition that takes minutes at one cut, a thread that runs out of memory.
 */
import { afterAll, describe, expect, it, vi } from "vitest";
import { type Hlc, type Value, ValueSet } from "../../../../agent/kernel/index.ts";
import type { FeedStep } from "../../../../collector/cut/history.ts";
import type { ResultLine } from "../../../../collector/rql/interpret/lines.ts";
import { InlineThreads } from "../../../../collector/rql/run/inline-threads.ts";
import type { QueryJob, QueryThreads, WriteLines } from "../../../../collector/rql/run/job.ts";
import { CANCEL_MS, WorkerThreads } from "../../../../collector/rql/run/worker-threads.ts";

/** A bound for hangs, not a measure: machines are slow, and busy with other things too. */
const HANG_MS = 60_000;
vi.setConfig({ testTimeout: 4 * HANG_MS, hookTimeout: 4 * HANG_MS });
const threads = new WorkerThreads();
afterAll(() => threads.close());

const COLUMNS = ["v", "w"].map((key) => ({ log: "l", key }));

function jobOf(text: string, previous?: Value): QueryJob {
  const lastChanges =
    previous === undefined
      ? []
      : [
          {
            node: 0,
            column: 0,
            at: -10 as Hlc,
            previous: { is: "known", value: previous } as const,
          },
        ];
  return {
    text,
    schema: { logs: new Map([["l", ["v", "w"]]]), nodes: ["a", "b"], services: ["kv"] },
    now: 0 as Hlc,
    index: 0,
    head: {
      ...{ from: 0 as Hlc, to: 1_000 as Hlc, nodes: ["a", "b"], services: ["kv"] },
      ...{ columns: COLUMNS, lastChanges },
    },
    limits: {},
  };
}

/** Both nodes from 0 on; then one value of `a` after the other. */
function stepsOf(values: readonly Value[]): FeedStep[] {
  const standings = [0, 1].map((node) => {
    return { node, service: "kv", epoch: 1, status: "live", isMember: true } as const;
  });
  const rest = { missing: [], messaging: [] };
  return values.map((value, i) => ({
    t: (i * 10) as Hlc,
    standings: i === 0 ? standings : [],
    changes: [{ node: 0, column: 0, held: { is: "known", value } }],
    ...rest,
  }));
}

async function run(
  on: QueryThreads,
  job: QueryJob,
  steps: readonly FeedStep[],
): Promise<unknown[]> {
  const lines: ResultLine[] = [];
  const write: WriteLines = async (text) => {
    for (const line of text.trimEnd().split("\n")) lines.push(JSON.parse(line) as ResultLine);
  };
  const running = on.start(job, write);
  await running.take(steps);
  await running.finish();
  return lines.map((line) => ({ ...line, elapsedMs: 0 }));
}

describe("an evaluating thread", () => {
  const VALUES: readonly Value[] = [
    ...[1, -0, 0.1, 2 ** 53 - 1, "x", "\u2028", true, null],
    ...[
      [1, [2]],
      { f: { g: 1 } },
      JSON.parse('{"__proto__": {"x": 7}, "constructor": 1}') as Value,
    ],
    ...[ValueSet.of([2, 1, "x", { f: 1 }]), ValueSet.empty],
  ];
  it.each([
    "SELECT v, Previous(v) AS p, Age(v) AS age FROM l EACH CHANGE",
    'SELECT v["a"] AS v FROM l WHEN EXISTS x IN v : (x.`__proto__`.x = 7 OR x.f.g = 1)',
    "SELECT Flatten(v) AS f, Cardinality(Flatten(v)) AS n FROM l",
    "SELECT v FROM l WHEN Max(v) > 0 COUNT",
  ])("gives the lines that this thread gives: %s", async (text) => {
    for (const previous of [undefined, 5, ValueSet.of([1, 2])]) {
      const job = jobOf(text, previous);
      const steps = stepsOf(VALUES);
      expect(await run(threads, job, steps)).toEqual(await run(new InlineThreads(), job, steps));
    }
  });

  /** One cut of it is evaluated for 20 minutes, far longer than any bound here: 250^4 bodies of 350 ns. */
  const SET = `{${Array.from({ length: 250 }, (_, i) => i).join(",")}}`;
  const ENDLESS = `SELECT v FROM l WHEN EXISTS a, b, c, d IN ${SET} : (a + b + c + d < 0)`;

  it("gives way within a moment, in the middle of one cut, and is used again", async () => {
    for (let i = 0; i < 3; i += 1) {
      const running = threads.start(jobOf(ENDLESS), async () => {});
      const taken = running.take(stepsOf([1, 2, 3]));
      await new Promise((resolve) => setImmediate(resolve));
      const started = performance.now();
      running.cancel();
      running.cancel();
      await taken.catch((error: unknown) => expect(error).toMatchObject({ name: "JobBroken" }));
      expect(performance.now() - started).toBeLessThan(CANCEL_MS + HANG_MS);
    }
    expect(await run(threads, jobOf("SELECT v FROM l COUNT"), stepsOf([1, 2]))).toHaveLength(2);
  });

  it("does not hold up this one meanwhile", async () => {
    const running = threads.start(jobOf(ENDLESS), async () => {});
    const taken = running.take(stepsOf([1]));
    let turns = 0;
    const started = performance.now();
    while (turns < 100) {
      await new Promise((resolve) => setImmediate(resolve));
      turns += 1;
    }
    expect(performance.now() - started).toBeLessThan(HANG_MS);
    running.cancel();
    await taken.catch(() => undefined);
  });

  it("ends with its query when that needs more memory than it may have, and nothing else does", async () => {
    const small = new WorkerThreads(32);
    const huge = stepsOf(Array.from({ length: 400 }, (_, i) => `${i}`.padStart(1_000_000, "x")));
    const running = small.start(jobOf("SELECT v FROM l EACH CHANGE LAST 100000"), async () => {});
    const taking = huge.map((step) => running.take([step]));
    const outcomes = await Promise.allSettled(taking);
    expect(outcomes.at(-1)).toMatchObject({ reason: { code: "out-of-memory" } });
    expect(await run(small, jobOf("SELECT v FROM l COUNT"), stepsOf([1, 2]))).toHaveLength(2);
    await small.close();
    await small.close();
  });

  it("ends with those who close it", async () => {
    const other = new WorkerThreads();
    const running = other.start(jobOf(ENDLESS), async () => {});
    const taken = running.take(stepsOf([1]));
    await other.close();
    await expect(taken).rejects.toMatchObject({ name: "JobBroken" });
    await expect(running.finish()).rejects.toMatchObject({ name: "JobBroken" });
  });
});
