/**
 * R7: all modes of evaluation equal, on random histories and queries: the engine, generated and by closures,
 * over slices cut anywhere, against the interpreter.
 *
 *     npm run faults -- rql [--runs N] [--seed S] [--json]
 *
 * It runs the property of test/collector/rql/engine/modes.test.ts with so many runs (20,000). A failing
 * one prints its seed and its smallest case.
 *
 * Exit codes: 0 all were equal; 1 one was not; 2 usage.
 */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";

const ROOT = join(import.meta.dirname, "../..");

function settings() {
  const { values } = parseArgs({
    options: { runs: { type: "string" }, seed: { type: "string" }, json: { type: "boolean" } },
  });
  const runs = Number(values.runs ?? 20_000);
  const seed = values.seed === undefined ? undefined : Number(values.seed);
  const isWhole = (n) => Number.isSafeInteger(n) && n >= 0;
  if (!isWhole(runs) || runs < 1 || (seed !== undefined && !isWhole(seed))) {
    throw new Error("--runs and --seed are whole numbers");
  }
  return { runs, seed, json: values.json === true };
}

async function main() {
  let given;
  try {
    given = settings();
  } catch (error) {
    process.stderr.write(`${error.message}\nUsage: rql [--runs N] [--seed S] [--json]\n`);
    return 2;
  }
  const { runs, seed, json } = given;
  const vitest = join(ROOT, "node_modules/vitest/vitest.mjs");
  const args = [vitest, "run", "--config", join(ROOT, "test/vitest.config.ts")];
  const env = { ...process.env, RETROSCOPE_RQL_RUNS: String(runs) };
  if (seed !== undefined) env["RETROSCOPE_TEST_SEED"] = String(seed);
  const child = spawn(process.execPath, [...args, "test/collector/rql/engine/modes.test.ts"], {
    cwd: ROOT,
    env,
    stdio: json ? ["ignore", "ignore", "inherit"] : ["ignore", "inherit", "inherit"],
  });
  const code = await new Promise((resolve) => child.once("exit", (status) => resolve(status ?? 1)));
  const kept = code === 0;
  if (json) process.stdout.write(`${JSON.stringify({ fault: "rql", runs, seed, kept })}\n`);
  else process.stdout.write(kept ? "kept\n" : "broken\n");
  return kept ? 0 : 1;
}

process.exitCode = await main();
