/**
 * The seeded simulator (R2, R4): the real agent and collector in one process, in virtual time, under every
 * fault that the network, the disks, the clocks and the processes have. See test/sim/README.md.
 *
 *     npm run faults -- simulate [--runs N] [--seed S] [--plant NAME] [--json]
 *
 * Run i has the seed S + i: a failure is replayed with `--runs 1 --seed` and the seed it prints. With
 * `--plant` a bug is planted (`all`: one after the other), and the runs go on until it is caught.
 *
 * Exit codes: 0 all promises kept (or the planted bug caught); 1 one was broken (or it was not); 2 usage.
 */
import { parseArgs } from "node:util";
import { loadSimulator } from "../sim/bundle.mjs";
import { PLANTS } from "../sim/plants.mjs";

const USAGE = "Usage: simulate [--runs N] [--seed S] [--plant NAME] [--json]";
const MAX_SHOWN = 10;

function settings() {
  const { values } = parseArgs({
    options: {
      runs: { type: "string" },
      seed: { type: "string" },
      plant: { type: "string" },
      json: { type: "boolean" },
    },
  });
  const runs = Number(values.runs ?? 200);
  const seed = Number(values.seed ?? Date.now() % 1_000_000);
  if (!Number.isSafeInteger(runs) || runs < 1 || !Number.isSafeInteger(seed) || seed < 0) {
    throw new Error("--runs and --seed are whole numbers");
  }
  const plants = PLANTS.filter(({ name }) => name === values.plant || values.plant === "all");
  if (values.plant !== undefined && plants.length === 0) {
    throw new Error(`--plant is all, or one of ${PLANTS.map(({ name }) => name).join(", ")}`);
  }
  return { runs, seed, plants, json: values.json === true };
}

async function main() {
  let given;
  try {
    given = settings();
  } catch (error) {
    process.stderr.write(`${error.message}\n${USAGE}\n`);
    return 2;
  }
  const { plants, ...rest } = given;
  if (plants.length === 0) return simulateSeeds(rest);
  let code = 0;
  for (const plant of plants) code = Math.max(code, await simulateSeeds({ ...rest, plant }));
  return code;
}

/** The exit code. */
async function simulateSeeds({ runs, seed, plant, json }) {
  const unhandled = [];
  const onUnhandled = (error) => unhandled.push(String(error?.stack ?? error));
  process.on("unhandledRejection", onUnhandled);
  const { simulate } = await loadSimulator(plant);
  const broken = [];
  const totals = new Map();
  const healed = [];
  let virtualMs = 0;
  let done = 0;
  const start = performance.now();
  for (; done < runs && (plant === undefined || broken.length === 0); done += 1) {
    const report = await simulate(seed + done);
    await new Promise((resolve) => setImmediate(resolve));
    const failures = [...report.failures];
    for (const detail of unhandled.splice(0))
      failures.push({ what: "a rejection", detail, atMs: 0 });
    if (failures.length > 0) broken.push({ seed: seed + done, mode: report.mode, failures });
    for (const [name, count] of Object.entries(report.counts.all)) {
      totals.set(name, (totals.get(name) ?? 0) + count);
    }
    if (report.healedAfterMs !== null) healed.push(report.healedAfterMs);
    virtualMs += report.virtualMs;
  }
  const realMs = performance.now() - start;
  process.off("unhandledRejection", onUnhandled);
  const of = (name) => totals.get(name) ?? 0;
  const report = {
    fault: "simulate",
    seed,
    runs: done,
    ...(plant === undefined ? {} : { plant: plant.name, caught: broken.length > 0 }),
    events: of("events: known"),
    cuts: of("cuts judged"),
    complete: of("cuts called complete"),
    broken: broken.length,
    longestHealMs: Math.max(0, ...healed),
    virtualSeconds: Math.round(virtualMs / 1_000),
    realSeconds: Math.round(realMs / 100) / 10,
    eventsPerMs: Math.round((10 * of("events: known")) / realMs) / 10,
    counts: Object.fromEntries([...totals].sort(([a], [b]) => (a < b ? -1 : 1))),
    failures: broken.slice(0, MAX_SHOWN),
  };
  print(report, json);
  return (broken.length === 0) === (plant === undefined) ? 0 : 1;
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

process.exitCode = await main();
