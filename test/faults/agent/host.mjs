/**
 * A service that embeds the agent, under load: the process that is tested. It does what its standard input
 * says, a JSON line at a time, and tells the ledger on descriptor 3 what it did (ledger.mjs). It knows the
 * agent through its doors alone, and catches nothing: what escapes the agent ends it.
 */
import { writeSync } from "node:fs";
import { createServer, request } from "node:http";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { createInterface } from "node:readline";
import { getAgent, startAgent } from "#dist/agent/index.js";
import { brokenPorts } from "./broken-ports.mjs";
import { hostileCalls } from "./hostile-calls.mjs";

const spec = JSON.parse(process.env.FAULTS_HOST);
const tell = (line) => writeSync(3, `${line}\n`);
process.on("uncaughtExceptionMonitor", (error) =>
  tell(`x ${String(error?.stack ?? error)}`.replaceAll("\n", " | ")),
);

const agent = spec.noAgent
  ? getAgent()
  : startAgent({ hooks: "none", ...spec.agent, ...brokenPorts(spec.ports) });
const log = agent.log("load");
const loopDelay = monitorEventLoopDelay({ resolution: 5 });
loopDelay.enable();

let n = spec.firstN - 1;
let told = "";
let ticking;
let extraCount = 0;
const servers = [];

/** Tells under which epoch the next changes are, if it is another than before. */
function tellEpoch() {
  const now = `${agent.node} ${agent.epoch}`;
  if (now === told) return;
  told = now;
  tell(`i ${n + 1} ${now}`);
}

function burst(count) {
  tellEpoch();
  const first = n + 1;
  tell(`b ${first} ${count}`);
  let firstT = 0;
  let lastT = 0;
  for (let i = 0; i < count; i += 1) {
    n += 1;
    lastT = log.set(`k${n % spec.keys}`, n);
    if (i === 0) firstT = lastT;
  }
  tell(`e ${first} ${count} ${firstT} ${lastT}`);
}

/** Changes as fast as it can for a while, the loop's turn after each burst. */
function flood({ forMs, count, changes = Number.POSITIVE_INFINITY }) {
  const start = performance.now();
  const costs = [];
  return new Promise((resolve) => {
    const turn = () => {
      const before = performance.now();
      burst(count);
      costs.push(((performance.now() - before) * 1e6) / count);
      const isOver = performance.now() - start >= forMs || costs.length * count >= changes;
      if (!isOver) setImmediate(turn);
      else resolve({ nsPerChange: costs.slice(0, 20_000) });
    };
    turn();
  });
}

function stats() {
  const { heapUsed, external, arrayBuffers, rss } = process.memoryUsage();
  const { health, healthReason, node, epoch } = agent;
  const loopMs = { p99: loopDelay.percentile(99) / 1e6, max: loopDelay.max / 1e6 };
  loopDelay.reset();
  const memory = { heapUsed, external, arrayBuffers, rss };
  return { ...agent.stats(), health, healthReason, node, epoch, memory, loopMs, extraCount };
}

/** Flushes until nothing waits. */
async function drain({ timeoutMs }) {
  const end = performance.now() + timeoutMs;
  while (agent.stats().queued > 0 && performance.now() < end)
    await agent.flush({ timeoutMs: Math.min(1_000, end - performance.now()) });
  return stats();
}

function serve() {
  const server = createServer((incoming, response) => {
    incoming.resume();
    burst(5);
    response.end("ok");
  });
  // Idle connections are the client's to close: else a request may meet one that is just closing.
  server.keepAliveTimeout = 0;
  servers.push(server);
  server.listen(0, "127.0.0.1");
  return new Promise((resolve) =>
    server.once("listening", () => resolve({ port: server.address().port })),
  );
}

/** Calls a peer so many times, one after the other. */
async function call({ port, count, headers = {}, body = "", path = "/" }) {
  const statuses = [];
  for (let i = 0; i < count; i += 1) {
    statuses.push(
      await new Promise((resolve, reject) => {
        const sent = request(
          { port, host: "127.0.0.1", method: "POST", path, headers },
          (reply) => {
            reply.resume();
            reply.once("end", () => resolve(reply.statusCode));
          },
        );
        sent.once("error", reject);
        sent.end(body);
      }),
    );
  }
  extraCount += count;
  return { statuses };
}

const commands = {
  load({ count, everyMs }) {
    clearInterval(ticking);
    if (count > 0) ticking = setInterval(() => burst(count), everyMs);
  },
  flood,
  stats,
  drain,
  serve,
  call,
  hostile: (options) => hostileCalls(agent, options),
  async flush({ timeoutMs }) {
    return { all: await agent.flush({ timeoutMs }) };
  },
  gc() {
    for (let i = 0; i < 4; i += 1) globalThis.gc?.();
    return stats();
  },
  async close() {
    clearInterval(ticking);
    const start = performance.now();
    await agent.close();
    return { ...stats(), closeMs: performance.now() - start };
  },
  exit: ({ code }) => process.exit(code),
};

tellEpoch();
tell(`r 0 ${JSON.stringify({ pid: process.pid })}`);
for await (const line of createInterface({ input: process.stdin })) {
  const { id, name, ...options } = JSON.parse(line);
  // Commands run side by side; one that throws ends the host, as it should.
  void obey(id, commands[name], options);
}

// Told no more: the service gives up what keeps it alive, and ends by itself.
clearInterval(ticking);
for (const server of servers) {
  server.close();
  server.closeAllConnections();
}

async function obey(id, command, options) {
  const answer = await command(options);
  tell(`r ${id} ${JSON.stringify(answer ?? {})}`);
}
