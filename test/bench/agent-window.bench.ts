/**
 * P4: what a window of a million changes takes, and what a look at its beginning costs.
 *
 * Memory is what the process holds more after the changes than before, heap and typed arrays, each time
 * after a full collection. A roll back is `snapshot({ at })` of the time before the first change; `there`
 * is `rolling.moveTo`, which tells the changes too.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type Agent, startAgent } from "retroscope";
import type { Figure } from "./figure.ts";
import { median } from "./support.ts";

export const title = "memory of a million changes, and rolling them back (P4)";

const CHANGES = 1_000_000;
const VARIABLES = 1_000;
const ROUNDS = 15;
const WINDOW_BYTES = 256 * 1024 * 1024;

const WORKLOADS: readonly { readonly what: string; readonly value: (i: number) => unknown }[] = [
  { what: "numbers", value: (i) => i },
  {
    what: "half numbers, a quarter booleans and null, a quarter texts of 8 to 12 characters",
    value: (i) => {
      if (i % 4 < 2) return i / 4;
      if (i % 4 === 2) return i % 3 === 0 ? null : i % 8 === 2;
      return `state-${i}`;
    },
  },
];

export async function run(report: (figure: Figure) => void): Promise<void> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  for (const { what, value } of WORKLOADS) {
    const agent = startAgent({
      ...{ service: "bench", quiet: true, hooks: "none" },
      ...{ windowBytes: WINDOW_BYTES, windowMs: 3_600_000 },
    });
    await measure(agent, what, value, collect, report);
    await agent.close();
  }
}

async function measure(
  agent: Agent,
  what: string,
  value: (i: number) => unknown,
  collect: () => void,
  report: (figure: Figure) => void,
): Promise<void> {
  const workload = `${CHANGES} sets of ${VARIABLES} variables by handle: ${what}`;
  const handles = Array.from({ length: VARIABLES }, (_, i) => agent.variable("bench", `v${i}`));
  const start = agent.mark("start");
  const before = memoryHeld(collect);
  for (let i = 0; i < CHANGES; i += 1) handles[i % VARIABLES]?.set(value(i));
  const megabytes = (memoryHeld(collect) - before) / 1e6;
  const { windowEvents, windowBytes } = agent.stats();
  if (windowEvents < CHANGES) throw new Error(`only ${windowEvents} events are in the window`);
  report({
    metric: "memory of a million changes",
    value: megabytes,
    unit: "MB",
    better: "lower",
    against: { what: "the window's own estimate", value: windowBytes / 1e6 },
    goal: { atMost: 48 },
    workload,
  });

  const back: number[] = [];
  const there: number[] = [];
  const rolling = agent.rolling(start);
  for (let round = 0; round < ROUNDS; round += 1) {
    back.push(
      timed(() => {
        const { logs } = agent.snapshot({ at: start });
        if (Object.keys(logs).length > 0) throw new Error("nothing was set at the start");
      }),
    );
    const now = agent.mark("now");
    there.push(timed(() => rolling.moveTo(now)));
    rolling.moveTo(start);
    await new Promise((resolve) => setImmediate(resolve));
  }
  report({
    metric: "roll a million changes back",
    value: median(back),
    unit: "ms",
    better: "lower",
    goal: { atMost: 25 },
    workload,
  });
  report({
    metric: "move a rolling view over a million changes",
    value: median(there),
    unit: "ms",
    better: "lower",
    workload,
  });
}

function timed(run: () => void): number {
  const start = performance.now();
  run();
  return performance.now() - start;
}

function memoryHeld(collect: () => void): number {
  collect();
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
