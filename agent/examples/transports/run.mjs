/**
 * Runs an example: a collector, a backend and a frontend, each its own process, both services
 * instrumented by `--import retroscope/register` and by nothing else; then orders; then the collector is
 * asked whether every message was recorded on both sides and whether causality held.
 *
 *     node agent/examples/transports/run.mjs express [--esm | --cjs] [--orders 300]
 *
 * Exit codes: 0 all is well; 1 it is not; 2 usage; 3 it could not run.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { judge, readRun } from "./driver/check.mjs";
import { placeOrders } from "./driver/orders.mjs";
import { Processes, waitFor } from "./driver/processes.mjs";

/**
 * Messages between frontend and backend, replies included, for an order that is carried out or refused,
 * and once at the start. `failed`: sends that fail for an order that goes nowhere. Over HTTP the request's
 * head is made before the connection is refused; grpc-js writes nothing before it has one.
 */
const TRANSPORTS = {
  express: { carriedOut: 4, refused: 2, atStart: 0, failed: 1, channels: ["fetch", "http"] },
  fastify: { carriedOut: 4, refused: 2, atStart: 0, failed: 1, channels: ["http"] },
  grpc: { carriedOut: 4, refused: 2, atStart: 0, failed: 0, channels: ["grpc"] },
  ws: { carriedOut: 4, refused: 2, atStart: 2, failed: 1, channels: ["http", "ws"] },
};
/** Examples that need more than this file gives: a broker, an SDK that comes first. */
const ON_THEIR_OWN = ["kafkajs", "otel-first"];
/** The backend's clock is so far behind: what it answers would seem older than what it was asked. */
const BACKEND_SKEW_MS = -300;
const DRAIN_WAIT_MS = 20_000;
const LISTENS = /listening on (\d+)/;

async function main() {
  const { transport, systems, orders } = readArguments();
  let exitCode = 0;
  for (const system of systems) {
    const faults = await run(transport, system, orders);
    if (faults.length > 0) exitCode = 1;
  }
  return exitCode;
}

/** One example in one module system; returns what was not as it must be. */
async function run(transport, system, orders) {
  const folder = mkdtempSync(join(tmpdir(), "retroscope-example-"));
  const processes = new Processes();
  try {
    const [, url] = await processes.start(
      "collector",
      [built("retroscope/collector", "main.js"), "collector", "--port", "0", "--data", folder],
      {},
      /open (http:\S+)/,
    );
    const service = (name, backend, skewMs) =>
      processes.start(
        name,
        [
          ...["--import", new URL("driver/skewed-clock.mjs", import.meta.url).href],
          ...["--import", import.meta.resolve("retroscope/register")],
          file(transport, name, system),
        ],
        {
          RETROSCOPE_COLLECTOR: url,
          RETROSCOPE_SERVICE: name,
          RETROSCOPE_NODE: name,
          EXAMPLE_SKEW_MS: String(skewMs),
          BACKEND: backend,
        },
        LISTENS,
      );
    const [, backendPort] = await service("backend", "", BACKEND_SKEW_MS);
    const [, frontendPort] = await service("frontend", `127.0.0.1:${backendPort}`, 0);
    const placed = await placeOrders(`http://127.0.0.1:${frontendPort}`, orders);
    // Both say goodbye on SIGTERM, which the agent listens for where the service does not.
    await processes.stop("frontend");
    await processes.stop("backend");
    await waitFor("both have said goodbye", DRAIN_WAIT_MS, async () => {
      const { nodes } = await (await fetch(`${url}/api/nodes`)).json();
      return nodes.length === 2 && nodes.every(({ status }) => status === "left");
    });
    const result = judge(await readRun(url));
    return report(transport, system, placed, result);
  } finally {
    await processes.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function report(transport, system, placed, result) {
  const known = TRANSPORTS[transport];
  const expected = known.atStart + placed.apples * known.carriedOut + placed.pears * known.refused;
  const expectedFailed = placed.nowhere * known.failed;
  const faults = [...result.faults];
  if (result.joined !== expected) faults.push(`${result.joined} messages instead of ${expected}`);
  if (result.failed !== expectedFailed) {
    faults.push(`${result.failed} failed sends instead of ${expectedFailed}`);
  }
  if (String(result.channels) !== String(known.channels)) {
    const channels = result.channels.length === 0 ? "none" : result.channels;
    faults.push(`channels: ${channels} instead of ${known.channels}`);
  }
  const total = placed.apples + placed.pears + placed.nowhere;
  print(`${transport} ${system}: ${faults.length === 0 ? "PASS" : "FAIL"}`);
  print(`  orders                                   ${total}`);
  print(`  messages recorded on both sides          ${result.joined} of ${expected}`);
  print(`  sends that failed, and are called so     ${result.failed} of ${expectedFailed}`);
  print(`  cuts asked for, consistent and complete  ${result.cuts}`);
  print(`  faults                                   ${faults.length}`);
  for (const fault of faults.slice(0, 10)) print(`  ! ${fault}`);
  return faults;
}

function readArguments() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      esm: { type: "boolean", default: false },
      cjs: { type: "boolean", default: false },
      orders: { type: "string", default: "300" },
    },
  });
  const [transport, ...more] = positionals;
  const orders = Number(values.orders);
  if (ON_THEIR_OWN.includes(transport)) {
    const own = `agent/examples/transports/${transport}/run.mjs`;
    throw new UsageError(
      `${transport} has a run of its own, see agent/examples/transports/README.md: node ${own}`,
    );
  }
  if (!Object.hasOwn(TRANSPORTS, transport ?? "") || more.length > 0) {
    throw new UsageError(`name one of ${Object.keys(TRANSPORTS).join(", ")}`);
  }
  if (!Number.isInteger(orders) || orders < 10) {
    throw new UsageError("--orders: a whole number from 10 on");
  }
  const both = values.esm === values.cjs;
  const systems = both ? ["esm", "cjs"] : [values.esm ? "esm" : "cjs"];
  return { transport, systems, orders };
}

function file(transport, name, system) {
  const extension = system === "esm" ? "mjs" : "cjs";
  return fileURLToPath(new URL(`${transport}/${name}.${extension}`, import.meta.url));
}

/** A built file beside one of the package's doors. */
function built(door, name) {
  return fileURLToPath(new URL(name, import.meta.resolve(door)));
}

function print(line) {
  process.stdout.write(`${line}\n`);
}

class UsageError extends Error {}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  if (error instanceof UsageError) {
    process.stderr.write("node run.mjs TRANSPORT [--esm | --cjs] [--orders 300]\n");
  }
  process.exitCode =
    error instanceof UsageError || error.code?.startsWith("ERR_PARSE_ARGS") ? 2 : 3;
}
