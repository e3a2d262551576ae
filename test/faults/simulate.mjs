/**
 * The seeded simulator (R2, R4): the real agent and collector in one process, in virtual time, under every
 * fault that the network, the disks, the clocks and the processes have. See test/sim/README.md.
 *
 *     npm run faults -- simulate [--runs N] [--seed S] [--plant NAME] [--jobs N] [--json]
 *
 * Run i has the seed S + i: a failure is replayed with `--runs 1 --seed` and the seed it prints. The runs
 * are shared out to `--jobs` processes (2); a run does not depend on those before it. With `--plant` a bug
 * is planted (`all`: one after the other), and the runs go on until it is caught; without `--seed` they begin
 * where plants.mjs says that it is. `--json` prints the report, then a line for each figure of targets.md.
 *
 * Exit codes: 0 all promises kept (or the planted bug caught); 1 one was broken (or it was not); 2 usage.
 */
import { fork } from "node:child_process";
import { parseArgs } from "node:util";
import { loadSimulator } from "../sim/bundle.mjs";
import { PLANTS } from "../sim/plants.mjs";

const USAGE = "Usage: simulate [--runs N] [--seed S] [--plant NAME] [--jobs N] [--json]";
const MAX_SHOWN = 10;
const MAX_JOBS = 64;
const RUNS_PER_LINE = 500;
const PROGRESS_MS = 500;
/** Cuts that R2 asks for at CI size; events per ms of real time, "tens", that issue 3 asks for. */
const GOAL_CUTS = 10_000;
const GOAL_EVENTS_PER_MS = 10;

function settings() {
  const { values } = parseArgs({
    options: {
      runs: { type: "string" },
      seed: { type: "string" },
      plant: { type: "string" },
      jobs: { type: "string" },
      json: { type: "boolean" },
    },
  });
  const runs = Number(values.runs ?? 200);
  const isSeeded = values.seed !== undefined;
  const seed = Number(values.seed ?? Date.now() % 1_000_000);
  const jobs = Number(values.jobs ?? 2);
  if (!Number.isSafeInteger(jobs) || jobs < 1 || jobs > MAX_JOBS) {
    throw new Error(`--jobs is a whole number up to ${MAX_JOBS}`);
  }
  if (!Number.isSafeInteger(runs) || runs < 1 || !Number.isSafeInteger(seed) || seed < 0) {
    throw new Error("--runs and --seed are whole numbers");
  }
  const plants = PLANTS.filter(({ name }) => name === values.plant || values.plant === "all");
  if (values.plant !== undefined && plants.length === 0) {
    throw new Error(`--plant is all, or one of ${PLANTS.map(({ name }) => name).join(", ")}`);
  }
  return { runs, seed, isSeeded, plants, jobs, json: values.json === true };
}

async function main() {
  let given;
  try {
    given = settings();
  } catch (error) {
    process.stderr.write(`${error.message}\n${USAGE}\n`);
    return 2;
  }
  const { plants, json, isSeeded, ...rest } = given;
  const reports = [];
  if (plants.length === 0) reports.push(await simulateSeeds(rest));
  // Until it is caught: there is an order to keep.
  for (const plant of plants) {
    const seed = isSeeded ? rest.seed : plant.seed;
    const report = await simulateSeeds({ ...rest, seed, jobs: 1, plant });
    reports.push(report);
    print(report, json);
  }
  if (plants.length === 0) print(reports[0], json);
  if (json)
    for (const figure of figuresOf(reports, isSeeded))
      process.stdout.write(`${JSON.stringify(figure)}\n`);
  return reports.every(isKept) ? 0 : 1;
}

function isKept({ plant, caught, broken }) {
  return plant === undefined ? broken === 0 : caught;
}

/** Calls `take` with the report of each run. */
async function runHere({ first, step, end, plant }, take) {
  const unhandled = [];
  const onUnhandled = (error) => unhandled.push(String(error?.stack ?? error));
  process.on("unhandledRejection", onUnhandled);
  const { simulate } = await loadSimulator(plant);
  for (let seed = first; seed < end; seed += step) {
    const { counts, mode, healedAfterMs, virtualMs, ...report } = await simulate(seed);
    await new Promise((resolve) => setImmediate(resolve));
    const failures = [...report.failures];
    for (const detail of unhandled.splice(0)) {
      failures.push({ what: "a rejection", detail, atMs: 0 });
    }
    take({ seed, mode, healedAfterMs, virtualMs, failures, counts: counts.all });
    if (plant !== undefined && failures.length > 0) break;
  }
  process.off("unhandledRejection", onUnhandled);
}

/** The same in a process of its own. It ends with its runs, or with us. */
async function runThere(share, take) {
  const child = fork(import.meta.filename, [], {
    env: { ...process.env, [SHARE]: JSON.stringify(share) },
  });
  child.on("message", take);
  const code = await new Promise((resolve) => child.once("exit", resolve));
  if (code !== 0) throw new Error(`a process of the simulator ended with ${code}`);
}

async function simulateSeeds({ runs, seed, plant, jobs }) {
  const broken = [];
  const totals = new Map();
  let [longestHealMs, virtualMs, done] = [0, 0, 0];
  const start = performance.now();
  const progress = progressOf(runs, plant);
  const take = (run) => {
    done += 1;
    const { failures, mode } = run;
    if (failures.length > 0) {
      broken.push({ seed: run.seed, mode, failures });
      if (plant === undefined) tellBroken(run.seed, failures);
    }
    for (const [name, count] of Object.entries(run.counts)) {
      totals.set(name, (totals.get(name) ?? 0) + count);
    }
    longestHealMs = Math.max(longestHealMs, run.healedAfterMs ?? 0);
    virtualMs += run.virtualMs;
    progress(done, broken.length);
  };
  const end = seed + runs;
  const shares = Math.min(jobs, runs);
  if (shares === 1) await runHere({ first: seed, step: 1, end, plant }, take);
  else {
    const all = Array.from({ length: shares }, (_, i) => ({ first: seed + i, step: shares, end }));
    await Promise.all(all.map((share) => runThere(share, take)));
  }
  progress(undefined);
  const realMs = performance.now() - start;
  broken.sort((a, b) => a.seed - b.seed);
  const of = (name) => totals.get(name) ?? 0;
  return {
    fault: "simulate",
    seed,
    runs: done,
    ...(plant === undefined ? {} : { plant: plant.name, caught: broken.length > 0 }),
    events: of("events: known"),
    cuts: of("cuts judged"),
    complete: of("cuts called complete"),
    broken: broken.length,
    longestHealMs,
    virtualSeconds: Math.round(virtualMs / 1_000),
    realSeconds: Math.round(realMs / 100) / 10,
    eventsPerMs: Math.round((10 * of("events: known")) / realMs) / 10,
    counts: Object.fromEntries([...totals].sort(([a], [b]) => (a < b ? -1 : 1))),
    failures: broken.slice(0, MAX_SHOWN),
  };
}

/** At once: a long run is not waited for. */
function tellBroken(seed, [{ what, detail }]) {
  const text = typeof detail === "string" ? detail : JSON.stringify(detail);
  const again = `npm run faults -- simulate --runs 1 --seed ${seed}`;
  process.stderr.write(`broken: ${what} (${String(text).slice(0, 300)})\n  again: ${again}\n`);
}

/** A line on a terminal that is written over; elsewhere a line now and then. */
function progressOf(runs, plant) {
  const { stderr } = process;
  let shownMs = Number.NEGATIVE_INFINITY;
  return (done, broken) => {
    if (!stderr.isTTY) {
      const isDue = done !== undefined && done % RUNS_PER_LINE === 0 && plant === undefined;
      if (isDue) stderr.write(`${done} of ${runs} runs, ${broken} broken\n`);
      return;
    }
    if (done === undefined) {
      stderr.write("\r\x1b[K");
      return;
    }
    if (performance.now() - shownMs < PROGRESS_MS) return;
    shownMs = performance.now();
    const name = plant === undefined ? "" : `${plant.name}: `;
    stderr.write(`\r\x1b[K${name}${done} of ${runs} runs, ${broken} broken`);
  };
}

/** The lines of targets.md. */
function figuresOf(reports, isSeeded) {
  const line = (metric, value, unit, against, goal, met, workload) => {
    const ratio = null;
    return { bench: "simulate", metric, value, unit, against, ratio, goal, met, workload };
  };
  const { plant, seed } = reports[0];
  if (plant !== undefined) {
    const caught = reports.filter((one) => one.caught).length;
    const goal = reports.length;
    const from = isSeeded ? `seed ${seed}` : "seeds of their own";
    const workload = `${goal} bugs planted one at a time, from ${from}`;
    return [
      line("R4 planted bugs caught", caught, "bugs", "checker", goal, caught === goal, workload),
    ];
  }
  const { runs, cuts, complete, broken, events, eventsPerMs } = reports[0];
  const workload = `${runs} runs from seed ${seed}: ${events} events, ${cuts} cuts, ${complete} called complete`;
  const isEnough = broken === 0 && cuts >= GOAL_CUTS;
  return [
    line("R2 runs with a wrong answer", broken, "runs", "ledger", 0, isEnough, workload),
    line(
      "events per ms of real time",
      eventsPerMs,
      "events/ms",
      null,
      GOAL_EVENTS_PER_MS,
      eventsPerMs >= GOAL_EVENTS_PER_MS,
      workload,
    ),
  ];
}

function print({ counts, failures, ...figures }, json) {
  if (json) {
    process.stdout.write(`${JSON.stringify({ ...figures, counts, failures })}\n`);
    return;
  }
  const line = ([name, value]) => `${name}: ${value}\n`;
  process.stdout.write(Object.entries(figures).map(line).join(""));
  process.stdout.write(`\n${Object.entries(counts).map(line).join("")}`);
  for (const { seed, mode, failures: list } of failures) {
    process.stdout.write(`\nseed ${seed} (${mode})\n`);
    for (const { what, detail, atMs } of list.slice(0, 3)) {
      process.stdout.write(`  after ${atMs} ms: ${what}: ${detail}\n`);
    }
    const plant = figures.plant === undefined ? "" : ` --plant ${figures.plant}`;
    process.stdout.write(`  again: npm run faults -- simulate --runs 1 --seed ${seed}${plant}\n`);
  }
}

/** In the environment of a process that takes a share of the runs. */
const SHARE = "RETROSCOPE_SIMULATE_SHARE";
const share = process.env[SHARE];
if (share === undefined) process.exitCode = await main();
else {
  await runHere(JSON.parse(share), (run) => process.send(run));
  process.disconnect();
}
