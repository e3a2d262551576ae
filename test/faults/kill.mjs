/**
 * Fault 25 (R1): the collector is SIGKILLed at random under load, again and again.
 *
 *     npm run faults -- kill [--runs N] [--seed S] [--json]
 *
 * Four agents send over HTTP, with repeats, overlaps and changed cuts, and resend after each start
 * whatever was not acknowledged. A ledger that the collector never sees keeps what was sent and what
 * was acknowledged. At the end the store is opened and compared: acknowledged and absent is lost,
 * stored twice is doubled, stored and never sent (or with another value) is unexplained.
 *
 * Exit codes: 0 all promises kept; 1 one was broken; 2 usage.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import {
  BATCH_MEDIA_TYPE,
  BatchBuilder,
  decodeBatch,
  encodeBatch,
  eventsOf,
  KindCode,
  MIN_HLC,
  ticksFromUnixMs,
} from "#dist/agent/kernel/index.js";
import { LmdbStore } from "#dist/collector/store/lmdb-store.js";
import { seededRandom } from "./agent/seeded.mjs";

const AGENTS = 4;
const EPOCH = 217_000_000_000;
const LONGEST_LIFE_MS = 400;
const START = ticksFromUnixMs(Date.now()) - 3_600_000 * 4_096;
const CORE = new URL("./ingest-core.mjs", import.meta.url).pathname;

/** What event `seq` of a node sets its variable to: the ledger need not keep values. */
const valueAtSeq = (index, seq) => index * 1_000_000_000 + seq;

/** One node: knows what it has recorded, sent, and been acknowledged. */
class Agent {
  constructor(index, random) {
    this.index = index;
    this.node = `n${index}`;
    this.random = random;
    this.recorded = 0;
    /** Highest seq acknowledged; all below it are too. */
    this.acknowledged = 0;
    this.repeatedCount = 0;
  }

  /** One to three batches from the first seq not acknowledged; sometimes from before it. */
  nextBody() {
    const back = this.random() < 0.3 ? Math.floor(this.random() * 40) : 0;
    let first = Math.max(1, this.acknowledged + 1 - back);
    const frames = [];
    const count = 1 + Math.floor(this.random() * 3);
    for (let i = 0; i < count; i += 1) {
      const last = first + Math.floor(this.random() * 300);
      frames.push(this.batch(first, last));
      first = this.random() < 0.1 ? Math.max(1, last - 20) : last + 1;
      this.recorded = Math.max(this.recorded, last);
    }
    return Buffer.concat(frames);
  }

  batch(first, last) {
    const builder = new BatchBuilder();
    for (let seq = first; seq <= last; seq += 1) {
      const t = START + seq * 7;
      if (seq === 1) {
        builder.body(t, { kind: "join", service: "kill", tags: {}, instance: this.node });
      } else {
        builder.change(t, KindCode.set, "log", `v${seq % 50}`, valueAtSeq(this.index, seq));
      }
    }
    const { node } = this;
    const closed = START + last * 7;
    return encodeBatch(
      builder.build({ node, service: "kill", epoch: EPOCH, firstSeq: first, closed }),
    );
  }

  /** Sends until the collector is gone. */
  async run(port) {
    for (;;) {
      const reply = await post(port, this.nextBody());
      if (reply === undefined) return;
      for (const ack of reply.acks) {
        if (ack.firstSeq > this.acknowledged + 1) throw new Error("acknowledged out of order");
        this.acknowledged = Math.max(this.acknowledged, ack.lastSeq);
        this.repeatedCount += ack.lastSeq - ack.firstSeq + 1 - ack.storedCount;
      }
    }
  }
}

/** The reply, or undefined if the collector went away. */
function post(port, body) {
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host: "127.0.0.1",
        port,
        method: "POST",
        path: "/v1/batches",
        headers: { "content-type": BATCH_MEDIA_TYPE, "content-length": body.length },
      },
      (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (part) => {
          text += part;
        });
        response.on("error", () => resolve(undefined));
        response.on("aborted", () => resolve(undefined));
        response.on("end", () => {
          if (!response.complete) resolve(undefined);
          else if (response.statusCode === 200) resolve(JSON.parse(text));
          else reject(new Error(`${response.statusCode}: ${text}`));
        });
      },
    );
    sent.on("error", () => resolve(undefined));
    sent.end(body);
  });
}

function startCore(directory) {
  const child = spawn(process.execPath, [CORE, directory], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const gone = new Promise((resolve) => child.once("exit", resolve));
  return new Promise((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`the collector did not start: ${code}`)));
    child.stdout.once("data", (line) => resolve({ child, gone, ...JSON.parse(String(line)) }));
  });
}

async function oneLife(directory, agents, lifeMs) {
  const core = await startCore(directory);
  const sending = Promise.all(agents.map((agent) => agent.run(core.port)));
  const timer = setTimeout(() => core.child.kill("SIGKILL"), lifeMs);
  try {
    await sending;
  } finally {
    clearTimeout(timer);
    core.child.kill("SIGKILL");
    await core.gone;
  }
  return core.openMs;
}

/** Reads the store and compares it with what the agents know. */
async function compare(directory, agents) {
  const found = { lost: 0, doubled: 0, unexplained: 0, stored: 0, damaged: 0 };
  const store = await LmdbStore.open({ directory });
  for (const agent of agents) {
    const seen = new Map();
    const record = store.epochs().find((one) => one.node === agent.node);
    const everything = { from: MIN_HLC, to: Number.MAX_SAFE_INTEGER };
    for (const stored of record === undefined ? [] : store.batches(record.id, everything)) {
      for (const event of eventsOf(decodeBatch(stored.bytes))) {
        seen.set(event.seq, (seen.get(event.seq) ?? 0) + 1);
        const isOurs = event.seq === 1 || event.value === valueAtSeq(agent.index, event.seq);
        if (!isOurs || event.seq > agent.recorded) found.unexplained += 1;
      }
    }
    for (let seq = 1; seq <= agent.acknowledged; seq += 1) if (!seen.has(seq)) found.lost += 1;
    for (const count of seen.values()) if (count > 1) found.doubled += 1;
    found.stored += seen.size;
    if ((record?.contiguousSeq ?? 0) < agent.acknowledged) found.lost += 1;
    if ((record?.eventCount ?? 0) !== seen.size) found.unexplained += 1;
  }
  found.damaged = store.verify().damagedCount;
  await store.close();
  return found;
}

async function main() {
  let values;
  try {
    ({ values } = parseArgs({
      options: { runs: { type: "string" }, seed: { type: "string" }, json: { type: "boolean" } },
    }));
  } catch (error) {
    process.stderr.write(`${error.message}\nUsage: kill [--runs N] [--seed S] [--json]\n`);
    return 2;
  }
  const runs = Number(values.runs ?? 50);
  const seed = Number(values.seed ?? Date.now() % 1_000_000);
  if (!Number.isSafeInteger(runs) || runs < 1 || !Number.isSafeInteger(seed)) {
    process.stderr.write("--runs and --seed are whole numbers\n");
    return 2;
  }
  const random = seededRandom(seed);
  const agents = Array.from({ length: AGENTS }, (_, index) => new Agent(index, random));
  const directory = mkdtempSync(join(tmpdir(), "retroscope-kill-"));
  let slowestOpenMs = 0;
  try {
    for (let run = 0; run < runs; run += 1) {
      const openMs = await oneLife(directory, agents, 20 + random() * LONGEST_LIFE_MS);
      slowestOpenMs = Math.max(slowestOpenMs, openMs);
    }
    const found = await compare(directory, agents);
    const acknowledged = agents.reduce((sum, agent) => sum + agent.acknowledged, 0);
    const repeated = agents.reduce((sum, agent) => sum + agent.repeatedCount, 0);
    const broken = found.lost + found.doubled + found.unexplained + found.damaged;
    const report = { fault: "kill", seed, kills: runs, acknowledged, repeated, ...found };
    const line = { ...report, slowestOpenMs: Math.round(slowestOpenMs), kept: broken === 0 };
    process.stdout.write(
      values.json
        ? `${JSON.stringify(line)}\n`
        : `${Object.entries(line)
            .map(([name, value]) => `${name}: ${value}`)
            .join("\n")}\n`,
    );
    return broken === 0 ? 0 : 1;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

process.exitCode = await main();
