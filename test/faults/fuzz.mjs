/**
 * R3, G6, faults 45, 46: damaged inputs into every decoder, into ingest and into every route of a real
 * collector. No crash, no hang over 50 ms for inputs below 1 MiB, no answer that is no JSON or a 500, not
 * a byte stored of what is refused, no prototype polluted.
 *
 *     npm run faults -- fuzz [--runs N] [--seed S] [--only NAME,...] [--json]
 *
 * `--runs` are the inputs of the decoders in all (1,000,000); ingest gets a twentieth, HTTP a fiftieth as
 * many. `--only` names targets: the decoders of fuzz/decoders.mjs, `ingest`, `http`. Each target draws
 * from its own seed, so that it plays the same alone.
 *
 * Exit codes: 0 all promises kept; 1 one was broken; 2 usage.
 */
import { parseArgs } from "node:util";
import { DECODERS, fuzzDecoder } from "./fuzz/decoders.mjs";
// Before anything that loads express.
import { fuzzHttp } from "./fuzz/http.mjs";
import { fuzzIngest } from "./fuzz/ingest.mjs";
import { Chance } from "./fuzz/mutate.mjs";

const USAGE = "Usage: fuzz [--runs N] [--seed S] [--only NAME,...] [--json]";
const INGEST_SHARE = 1 / 20;
const HTTP_SHARE = 1 / 50;
const SHOWN = 2_000;
const MAX_SHOWN = 5;

const TARGETS = [
  ...DECODERS.map((target) => ({
    name: target.name,
    share: target.share,
    fuzz: (inputs, chance) => fuzzDecoder(target, inputs, chance),
  })),
  { name: "ingest", share: INGEST_SHARE, fuzz: fuzzIngest },
  { name: "http", share: HTTP_SHARE, fuzz: fuzzHttp },
];

function settings() {
  const { values } = parseArgs({
    options: {
      runs: { type: "string" },
      seed: { type: "string" },
      only: { type: "string" },
      json: { type: "boolean" },
    },
  });
  const runs = Number(values.runs ?? 1_000_000);
  const seed = Number(values.seed ?? Date.now() % 1_000_000);
  if (!Number.isSafeInteger(runs) || runs < 1 || !Number.isSafeInteger(seed) || seed < 0) {
    throw new Error("--runs and --seed are whole numbers");
  }
  const names = values.only?.split(",").map((name) => name.trim());
  const unknown = names?.find((name) => TARGETS.every((target) => target.name !== name));
  if (unknown !== undefined) {
    throw new Error(
      `no target ${unknown}: there are ${TARGETS.map(({ name }) => name).join(", ")}`,
    );
  }
  const targets = TARGETS.filter(({ name }) => names?.includes(name) ?? true);
  return { runs, seed, targets, json: values.json === true };
}

async function main() {
  let given;
  try {
    given = settings();
  } catch (error) {
    process.stderr.write(`${error.message}\n${USAGE}\n`);
    return 2;
  }
  const { runs, seed, targets, json } = given;
  const wild = [];
  // A rejection that nobody waits for is a crash of the collector.
  process.on("unhandledRejection", (error) => wild.push(String(error?.stack ?? error)));
  process.on("uncaughtException", (error) => wild.push(String(error?.stack ?? error)));
  if (!json) process.stdout.write(`seed ${seed}\n`);
  const reports = [];
  for (const { name, share, fuzz } of targets) {
    const index = TARGETS.findIndex((target) => target.name === name);
    const report = await fuzz(Math.max(1, Math.round(runs * share)), new Chance(seed * 64 + index));
    reports.push(report);
    if (!json) print(report, seed, runs);
  }
  await new Promise((resolve) => setImmediate(resolve));
  const failures = [
    ...reports.flatMap((report) => report.failures),
    ...wild.map((what) => ({ target: "process", what: `uncaught: ${what}`, input: "" })),
  ];
  if (json) {
    const inputs = reports.reduce((sum, report) => sum + report.inputs, 0);
    const line = {
      fault: "fuzz",
      seed,
      runs,
      inputs,
      reports,
      failures,
      kept: failures.length === 0,
    };
    process.stdout.write(`${JSON.stringify(line)}\n`);
  } else {
    for (const what of wild) process.stdout.write(`uncaught: ${what}\n`);
    process.stdout.write(failures.length === 0 ? "kept\n" : `${failures.length} failures\n`);
  }
  return failures.length === 0 ? 0 : 1;
}

function print(
  { target, inputs, perSecond, valid, refusalKinds, codes, slowestMs, failures, routes },
  seed,
  runs,
) {
  const kinds = Object.entries(codes)
    .map(([code, count]) => `${code} ${count}`)
    .join(", ");
  process.stdout.write(
    `${target}: ${inputs} inputs, ${perSecond}/s, ${valid} valid, ${refusalKinds} kinds of refusal ` +
      `(${kinds}), slowest ${slowestMs} ms\n`,
  );
  if (routes !== undefined) {
    const list = Object.entries(routes).map(([path, count]) => `${path} ${count}`);
    process.stdout.write(`  routes: ${list.join(", ")}\n`);
  }
  for (const { what, input } of failures.slice(0, MAX_SHOWN)) {
    process.stdout.write(`  BROKEN: ${what}\n  ${input.slice(0, SHOWN)}\n`);
    process.stdout.write(
      `  again: npm run faults -- fuzz --runs ${runs} --seed ${seed} --only "${target}"\n`,
    );
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  // The run itself broke: that is no promise kept.
  process.stderr.write(`${error.stack}\n`);
  process.exitCode = 1;
}
