/**
 * Faults 14, 34, 35 (G9, G15): far more than the collector can store, slow peers and bombs among it.
 *
 *     npm run faults -- overload [--seconds S] [--senders N] [--memory MIB] [--json]
 *
 *     quiet        probes alone                              what an answer takes without load
 *     overload     N senders that never wait, whatever       /healthz, /readyz and /api/cut go on;
 *                  they are told; trickling sockets;         refusals are 429 or 503 with Retry-After;
 *                  1000:1 bombs                              memory stays below the ceiling
 *     after        probes, and one honest sender             taken at the first try again, within 5 s
 *
 * The collector is a process of its own, with a ceiling of `--memory` MiB. A ledger keeps what was
 * acknowledged; in the end exactly that is stored. Latencies are figures, not promises, but for a bound
 * of `ANSWER_MS`.
 *
 * Exit codes: 0 all promises kept; 1 one was broken; 2 usage.
 */
import { fork, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import {
  BATCH_MEDIA_TYPE,
  BatchBuilder,
  encodeBatch,
  KindCode,
  ticksFromUnixMs,
} from "#dist/agent/kernel/index.js";

const USAGE = "Usage: overload [--seconds S] [--senders N] [--memory MIB] [--json]";
const CORE = new URL("./overload-core.mjs", import.meta.url).pathname;
const EPOCH = 217_000_000_000;
const EVENTS = 32_768;
const BATCHES = 10;
const NODES = 16;
const SLOW_PEERS = 50;
const PROBE_MS = 25;
const QUIET_MS = 1_500;
/** No probe may take longer, overload or not. */
const ANSWER_MS = 5_000;
const RECOVERY_MS = 5_000;
/** So soon are both served that are asked after the load. */
const WELL_MS = 500;
/** What the process may hold beyond its ceiling (G9). */
const CEILING_SLACK = 1.1;
const MIB = 1024 * 1024;

/**
 * One connection, and a body made before the load: it sends it, hears what it is told, and sends it again
 * at once. All connections of a node send the same, as agents do that lost their acknowledgements.
 */
class Sender {
  node;
  acknowledged = 0;
  tries = 0;
  refusals = 0;
  strange = new Map();
  #body;
  #connections = new Agent({ keepAlive: true, maxSockets: 1 });

  constructor(node, body) {
    this.node = node;
    this.#body = body;
  }

  /** One request; resolves to its status. */
  async one(port) {
    this.tries += 1;
    const { status, headers, text } = await ask(port, "/v1/batches", {
      method: "POST",
      body: this.#body,
      agent: this.#connections,
      headers: { "content-type": BATCH_MEDIA_TYPE },
    });
    if (status === 200) {
      for (const { lastSeq } of JSON.parse(text).acks) {
        this.acknowledged = Math.max(this.acknowledged, lastSeq);
      }
    } else if ((status === 429 || status === 503) && headers["retry-after"] !== undefined) {
      this.refusals += 1;
    } else this.strange.set(status, (this.strange.get(status) ?? 0) + 1);
    return status;
  }
}

/** Some 3 MiB: `batchCount` batches, one after the other. */
function bodyOf(node, batchCount) {
  const startT = ticksFromUnixMs(Date.now()) - 60_000 * 4_096;
  const frames = Array.from({ length: batchCount }, (_, i) => {
    const builder = new BatchBuilder();
    const firstSeq = 1 + i * EVENTS;
    const last = firstSeq + EVENTS - 1;
    for (let seq = firstSeq; seq <= last; seq += 1) {
      const t = startT + seq;
      if (seq === 1) builder.body(t, { kind: "join", service: "load", tags: {}, instance: node });
      else builder.change(t, KindCode.set, `log${seq % 4}`, `k${seq % 500}`, seq * 1.5);
    }
    const closed = startT + last;
    return encodeBatch(builder.build({ node, service: "load", epoch: EPOCH, firstSeq, closed }));
  });
  return Buffer.concat(frames);
}

/** The senders' process: told when to begin and end, tells what became of it. */
async function sendersMain(port, count) {
  const bodies = Array.from({ length: NODES }, (_, i) => bodyOf(`load-${i}`, BATCHES));
  const senders = Array.from(
    { length: count },
    (_, i) => new Sender(`load-${i % NODES}`, bodies[i % NODES]),
  );
  // Known before the load, so that a cut has something to show.
  for (const sender of senders.slice(0, 4)) await sender.one(port);
  let isOver = false;
  let sending;
  process.on("message", async (message) => {
    if (message === "begin") {
      sending = senders.map(async (sender) => {
        while (!isOver) await sender.one(port);
      });
      return;
    }
    isOver = true;
    await Promise.all(sending);
    const sum = (value) => senders.reduce((total, one) => total + value(one), 0);
    const strange = {};
    for (const one of senders) {
      for (const [status, n] of one.strange) strange[status] = (strange[status] ?? 0) + n;
    }
    const acknowledged = new Map();
    for (const one of senders) {
      const known = acknowledged.get(one.node) ?? 0;
      acknowledged.set(one.node, Math.max(known, one.acknowledged));
    }
    process.send({
      acknowledged: [...acknowledged.values()].reduce((total, one) => total + one, 0),
      tries: sum((one) => one.tries),
      refusals: sum((one) => one.refusals),
      strange,
    });
    process.disconnect();
  });
  process.send("ready");
}

/** Status 0: no answer. */
function ask(port, path, { method = "GET", body, agent, headers = {} } = {}) {
  return new Promise((resolve) => {
    const length = body === undefined ? {} : { "content-length": body.length };
    const sent = request(
      { port, host: "127.0.0.1", path, method, agent, headers: { ...headers, ...length } },
      (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (part) => {
          text += part;
        });
        response.on("error", () => resolve({ status: 0, headers: {}, text: "" }));
        response.on("close", () =>
          resolve({ status: response.statusCode, headers: response.headers, text }),
        );
      },
    );
    sent.on("error", () => resolve({ status: 0, headers: {}, text: "" }));
    sent.end(body);
  });
}

/** Asks now and then, over connections of its own, and keeps how long each answer took. */
class Probes {
  #times = new Map();
  bad = new Map();
  #isOver = false;
  #running = [];

  constructor(port, paths) {
    for (const path of paths) this.#running.push(this.#probe(port, path));
  }

  async #probe(port, path) {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const times = [];
    this.#times.set(path, times);
    while (!this.#isOver) {
      const start = performance.now();
      const { status } = await ask(port, path, { agent });
      times.push(performance.now() - start);
      if (status !== 200)
        this.bad.set(`${path} ${status}`, (this.bad.get(`${path} ${status}`) ?? 0) + 1);
      await new Promise((resolve) => setTimeout(resolve, PROBE_MS));
    }
    agent.destroy();
  }

  async end() {
    this.#isOver = true;
    await Promise.all(this.#running);
    const figures = {};
    for (const [path, times] of this.#times) {
      times.sort((a, b) => a - b);
      const at = (share) =>
        Math.round((times[Math.floor((times.length - 1) * share)] ?? 0) * 10) / 10;
      figures[path.split("?")[0]] = {
        count: times.length,
        p50: at(0.5),
        p99: at(0.99),
        max: at(1),
      };
    }
    return figures;
  }
}

/** Connections that say a byte a second. */
function slowPeers(port) {
  return Array.from({ length: SLOW_PEERS }, (_, i) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    socket.on("data", () => {});
    const head = `POST /v1/batches HTTP/1.1\r\nhost: localhost\r\ncontent-type: ${BATCH_MEDIA_TYPE}\r\n`;
    socket.write(i % 2 === 0 ? "POST /v1" : `${head}content-length: 100000\r\n\r\n`);
    const timer = setInterval(() => socket.write("x"), 1_000);
    socket.on("close", () => clearInterval(timer));
    return socket;
  });
}

async function bombs(port, isOver) {
  const bomb = gzipSync(Buffer.alloc(256 * MIB));
  const times = [];
  const headers = { "content-type": BATCH_MEDIA_TYPE, "content-encoding": "gzip" };
  const statuses = new Map();
  while (!isOver()) {
    const start = performance.now();
    const { status } = await ask(port, "/v1/batches", { method: "POST", body: bomb, headers });
    if (status === 413) times.push(performance.now() - start);
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  times.sort((a, b) => a - b);
  return {
    wireBytes: bomb.length,
    statuses: Object.fromEntries(statuses),
    medianMs: Math.round(times[times.length >> 1] ?? 0),
  };
}

function startCore(directory, memoryMib) {
  const child = spawn(process.execPath, [CORE, directory, String(memoryMib)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  child.gone = new Promise((resolve) =>
    child.once("exit", (code, signal) => resolve(signal ?? code)),
  );
  return new Promise((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`the collector did not start: ${code}`)));
    child.stdout.once("data", (line) => resolve({ child, ...JSON.parse(String(line)) }));
  });
}

/** What the process holds without pages of files. */
function ownBytes(pid) {
  const match = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"));
  return Number(match?.[1] ?? 0) * 1_024;
}

async function run({ seconds, senderCount, memoryMib }) {
  const directory = mkdtempSync(join(tmpdir(), "retroscope-overload-"));
  const { child, port } = await startCore(directory, memoryMib);
  const broken = [];
  const cut = `/api/cut?at=${Date.now() - 50_000}&node=load-0`;
  const paths = ["/healthz", "/readyz", cut];
  let peakOwn = 0;
  const watch = setInterval(() => {
    try {
      peakOwn = Math.max(peakOwn, ownBytes(child.pid));
    } catch {
      // gone: told below
    }
  }, 50);
  const load = fork(process.argv[1], ["--role", "senders", String(port), String(senderCount)]);
  const told = () => new Promise((resolve) => load.once("message", resolve));
  try {
    await told();
    const quietProbes = new Probes(port, paths);
    await pause(QUIET_MS);
    const quiet = await quietProbes.end();

    const loadProbes = new Probes(port, paths);
    let isOver = false;
    const slow = slowPeers(port);
    const bombing = bombs(port, () => isOver);
    load.send("begin");
    await pause(seconds * 1_000);
    const overload = await loadProbes.end();
    isOver = true;
    const end = told();
    load.send("end");
    const [sent, bomb] = await Promise.all([end, bombing]);
    const stillSlow = slow.filter(({ destroyed }) => !destroyed).length;
    for (const socket of slow) socket.destroy();

    const honest = new Sender("honest", bodyOf("honest", 1));
    const recoveredMs = await recovery(honest, port, cut);
    const afterProbes = new Probes(port, paths);
    await pause(QUIET_MS);
    const after = await afterProbes.end();

    const { text } = await ask(port, "/api/nodes");
    const { stored, refused } = JSON.parse(text).ingest;
    const acknowledged = sent.acknowledged + honest.acknowledged;
    for (const [status, count] of Object.entries(sent.strange)) {
      // The connection of a refusal may be cut while its body is still being sent.
      if (status !== "0") broken.push(`${count} answers of status ${status}`);
    }
    if (stored < acknowledged) broken.push(`${acknowledged} acknowledged, ${stored} stored`);
    if (recoveredMs === null) broken.push(`not well ${RECOVERY_MS} ms after the load`);
    for (const probes of [quietProbes, loadProbes, afterProbes]) {
      for (const [what, count] of probes.bad) broken.push(`${what}: ${count} times`);
    }
    for (const { max } of [...Object.values(overload), ...Object.values(after)]) {
      if (max > ANSWER_MS) broken.push(`a probe took ${max} ms`);
    }
    if (bomb.statuses[200] !== undefined) broken.push("a bomb was taken");
    if (peakOwn > CEILING_SLACK * memoryMib * MIB) broken.push(`it held ${peakOwn} bytes`);
    if (sent.refusals === 0) broken.push("nothing was refused: that was no overload");
    const taken = sent.tries - sent.refusals - (sent.strange[0] ?? 0);
    return {
      seconds,
      senders: senderCount,
      triesPerSecond: Math.round(sent.tries / seconds),
      takenPerSecond: Math.round(taken / seconds),
      offeredToTaken: Math.round((sent.tries / Math.max(1, taken)) * 10) / 10,
      refusals: sent.refusals,
      cutOff: sent.strange[0] ?? 0,
      stillSlow,
      bomb,
      peakOwnMib: Math.round(peakOwn / MIB),
      memoryMib,
      quiet,
      overload,
      after,
      recoveredMs,
      acknowledged,
      stored,
      refused,
      broken,
    };
  } finally {
    clearInterval(watch);
    load.kill("SIGKILL");
    if (child.exitCode !== null || child.signalCode !== null) broken.push("the collector died");
    child.kill("SIGTERM");
    const deadline = setTimeout(() => child.kill("SIGKILL"), 10_000);
    await child.gone;
    clearTimeout(deadline);
    rmSync(directory, { recursive: true, force: true });
  }
}

/** From the end of the load until an honest sender and a cut are served at once; null: not in time. */
async function recovery(honest, port, cut) {
  const from = performance.now();
  while (performance.now() - from < RECOVERY_MS) {
    const start = performance.now();
    const [status, { status: cutStatus }] = await Promise.all([honest.one(port), ask(port, cut)]);
    const isWell = status === 200 && cutStatus === 200 && performance.now() - start < WELL_MS;
    if (isWell) return Math.round(performance.now() - from);
    await pause(PROBE_MS);
  }
  return null;
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function main() {
  let given;
  try {
    const { values } = parseArgs({
      options: {
        seconds: { type: "string" },
        senders: { type: "string" },
        memory: { type: "string" },
        json: { type: "boolean" },
      },
    });
    given = {
      seconds: Number(values.seconds ?? 20),
      senderCount: Number(values.senders ?? 128),
      memoryMib: Number(values.memory ?? 768),
      json: values.json === true,
    };
    const isBad = ({ seconds, senderCount, memoryMib }) =>
      [seconds, senderCount, memoryMib].some((one) => !Number.isSafeInteger(one) || one < 1);
    if (isBad(given)) throw new Error("--seconds, --senders and --memory are whole numbers");
  } catch (error) {
    process.stderr.write(`${error.message}\n${USAGE}\n`);
    return 2;
  }
  const report = { fault: "overload", ...(await run(given)) };
  const kept = report.broken.length === 0;
  const line = { ...report, kept };
  process.stdout.write(
    given.json
      ? `${JSON.stringify(line)}\n`
      : `${Object.entries(line)
          .map(([name, value]) => `${name}: ${JSON.stringify(value)}`)
          .join("\n")}\n`,
  );
  return kept ? 0 : 1;
}

const [flag, role, port, count] = process.argv.slice(2);
if (flag === "--role" && role === "senders") await sendersMain(Number(port), Number(count));
else process.exitCode = await main();
