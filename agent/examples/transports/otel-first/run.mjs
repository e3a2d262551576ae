/**
 * Runs the example: a collector, and two express services that have OpenTelemetry's own instrumentation,
 * registered before the agent. Once without the agent, for comparison; then with it, shadowed by the SDK's
 * propagator, and composed with it.
 *
 *     node agent/examples/transports/otel-first/run.mjs [--esm | --cjs] [--orders 100]
 *
 * Asked is: was every message recorded on both sides, does causality hold, are OpenTelemetry's traces as
 * they would be without us: the same spans, each of the backend's under one of the frontend's.
 *
 * Exit codes: 0 all is well; 1 it is not; 2 usage; 3 it could not run.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { judge, readRun } from "../driver/check.mjs";
import { placeOrders } from "../driver/orders.mjs";
import { Processes, waitFor } from "../driver/processes.mjs";

const DRAIN_WAIT_MS = 20_000;
const SERVICES = ["frontend", "backend"];
/** Messages between the two, replies included, for an order that is carried out, or refused. */
const CARRIED_OUT = 4;
const REFUSED = 2;

async function main() {
  const { systems, orders } = readArguments();
  let faultCount = 0;
  for (const system of systems) {
    const plain = await run(system, orders, { agent: false });
    for (const propagator of ["own", "composed"]) {
      const seen = await run(system, orders, { agent: true, propagator });
      const faults = [...seen.faults, ...traceFaults(seen.spans, plain.spans)];
      const otel = propagator === "own" ? "shadowed" : "active";
      for (const [node, hooks] of Object.entries(seen.hooks)) {
        if (hooks.otel !== otel) faults.push(`${node}: otel is ${hooks.otel}, not ${otel}`);
      }
      report(system, propagator, seen, plain, faults);
      faultCount += faults.length;
    }
  }
  return faultCount === 0 ? 0 : 1;
}

async function run(system, orders, { agent, propagator = "own" }) {
  const folder = mkdtempSync(join(tmpdir(), "retroscope-otel-first-"));
  const processes = new Processes();
  try {
    const url = agent ? await startCollector(processes, folder) : undefined;
    const service = (name, backend) => {
      const spans = join(folder, `${name}.spans`);
      writeFileSync(spans, "");
      const environment = {
        BACKEND: backend,
        PROPAGATOR: propagator,
        SPANS_FILE: spans,
        RETROSCOPE_NODE: name,
        RETROSCOPE_SERVICE: name,
        ...(agent ? { RETROSCOPE_COLLECTOR: url } : {}),
      };
      return processes.start(
        name,
        argumentsFor(system, name, agent),
        environment,
        /listening on (\d+)/,
      );
    };
    const [, backendPort] = await service("backend", "");
    const [, frontendPort] = await service("frontend", `127.0.0.1:${backendPort}`);
    const placed = await placeOrders(`http://127.0.0.1:${frontendPort}`, orders);
    const hooks = agent ? await hooksOf(url) : {};
    await waitFor("the last span is exported", DRAIN_WAIT_MS, async () => {
      const spans = spansOf("frontend", join(folder, "frontend.spans"));
      return spans.filter(({ kind }) => kind === "SERVER").length >= orders;
    });
    await processes.stop("frontend");
    await processes.stop("backend");
    const spans = SERVICES.flatMap((name) => spansOf(name, join(folder, `${name}.spans`)));
    if (!agent) return { spans };
    await waitFor("both have said goodbye", DRAIN_WAIT_MS, async () => {
      const { nodes } = await (await fetch(`${url}/api/nodes`)).json();
      return nodes.length === 2 && nodes.every(({ status }) => status === "left");
    });
    const expected = placed.apples * CARRIED_OUT + placed.pears * REFUSED;
    const result = judge(await readRun(url));
    const faults = [...result.faults];
    if (result.joined !== expected) faults.push(`${result.joined} messages instead of ${expected}`);
    if (result.failed !== placed.nowhere) {
      faults.push(`${result.failed} failed sends instead of ${placed.nowhere}`);
    }
    return { ...result, spans, hooks, faults, expected };
  } finally {
    await processes.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** OpenTelemetry first, the agent second. */
function argumentsFor(system, name, agent) {
  const tracing = file(`tracing.${system === "esm" ? "mjs" : "cjs"}`);
  return [
    ...(system === "esm" ? ["--import", tracing] : ["--require", tracing]),
    ...(agent ? ["--import", import.meta.resolve("retroscope/register")] : []),
    file(`${name}.${system === "esm" ? "mjs" : "cjs"}`),
  ];
}

async function startCollector(processes, folder) {
  const main = fileURLToPath(new URL("main.js", import.meta.resolve("retroscope/collector")));
  const args = [main, "collector", "--port", "0", "--data", join(folder, "data")];
  const [, url] = await processes.start("collector", args, {}, /open (http:\S+)/);
  return url;
}

/** As the agents tell the collector, once they have. */
async function hooksOf(url) {
  return waitFor("both have told their hooks", DRAIN_WAIT_MS, async () => {
    const { nodes } = await (await fetch(`${url}/api/nodes`)).json();
    const told = nodes.filter(({ hooks }) => hooks?.["http-server"] === "active");
    return told.length === 2 && Object.fromEntries(told.map(({ node, hooks }) => [node, hooks]));
  });
}

function spansOf(service, path) {
  const lines = readFileSync(path, "utf8").split("\n");
  return lines.filter((line) => line !== "").map((line) => ({ service, ...JSON.parse(line) }));
}

/** What is not as in a run without the agent. */
function traceFaults(spans, plain) {
  const faults = [];
  const counts = (all) => {
    const kinds = new Map();
    for (const { service, kind, name } of all) {
      const key = `${service} ${kind} ${name}`;
      kinds.set(key, (kinds.get(key) ?? 0) + 1);
    }
    return kinds;
  };
  const without = counts(plain);
  const withAgent = counts(spans);
  for (const key of new Set([...without.keys(), ...withAgent.keys()])) {
    const [had, has] = [without.get(key) ?? 0, withAgent.get(key) ?? 0];
    if (had !== has) faults.push(`${has} spans "${key}" instead of ${had}`);
  }
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  for (const span of spans) {
    if (span.service !== "backend" || span.kind !== "SERVER") continue;
    const parent = byId.get(span.parent);
    const isWhole = parent?.service === "frontend" && parent.traceId === span.traceId;
    if (!isWhole) faults.push(`the trace of backend span ${span.spanId} is broken`);
  }
  return faults;
}

function report(system, propagator, seen, plain, faults) {
  const how = propagator === "own" ? "shadowed" : "composed";
  const lines = [
    `otel-first ${system}, ${how}: ${faults.length === 0 ? "PASS" : "FAIL"}`,
    `  messages recorded on both sides          ${seen.joined} of ${seen.expected}`,
    `  cuts asked for, consistent and complete  ${seen.cuts}`,
    `  spans, and without the agent             ${seen.spans.length}, ${plain.spans.length}`,
    `  faults                                   ${faults.length}`,
    ...faults.slice(0, 10).map((fault) => `  ! ${fault}`),
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}

function readArguments() {
  const { values } = parseArgs({
    options: {
      esm: { type: "boolean", default: false },
      cjs: { type: "boolean", default: false },
      orders: { type: "string", default: "100" },
    },
  });
  const orders = Number(values.orders);
  if (!Number.isInteger(orders) || orders < 10) {
    throw new UsageError("--orders: a whole number from 10 on");
  }
  const both = values.esm === values.cjs;
  return { orders, systems: both ? ["esm", "cjs"] : [values.esm ? "esm" : "cjs"] };
}

function file(name) {
  return fileURLToPath(new URL(name, import.meta.url));
}

class UsageError extends Error {}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  const isUsage = error instanceof UsageError || error.code?.startsWith("ERR_PARSE_ARGS");
  process.exitCode = isUsage ? 2 : 3;
}
