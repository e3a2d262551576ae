/**
 * A real Kafka broker on loopback, one process that is broker and controller (KRaft): formatted into a
 * temporary folder, started, asked for metadata until it answers, and ended by its own pid. Ready in 2 s.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { Kafka, logLevel } from "kafkajs";
import { kafkaJars } from "./jars.ts";

const run = promisify(execFile);
const READY_TIMEOUT_MS = 60_000;
const FORMAT_TIMEOUT_MS = 30_000;
const TERM_TIMEOUT_MS = 10_000;
const POLL_MS = 50;
const KEPT_LOG_CHARS = 8_000;
/** Quick to start and small: a test's broker never gets warm. */
const JAVA = ["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];

export interface Broker {
  /** `127.0.0.1:port`. */
  readonly address: string;
  readonly pid: number;
  /** The end of what it logged. */
  logTail(): string;
  /** SIGTERM, after 10 s SIGKILL; its folder is removed. May be called twice. */
  stop(): Promise<void>;
}

/** @throws KafkaMissing where no broker can be had; Error with the log's end where one did not start */
export async function startBroker(): Promise<Broker> {
  const classPath = [import.meta.dirname, join(await kafkaJars(), "*")].join(":");
  const folder = mkdtempSync(join(tmpdir(), "retroscope-kafka-"));
  const [port, controllerPort] = await freePorts();
  const address = `127.0.0.1:${port}`;
  const properties = join(folder, "server.properties");
  writeFileSync(properties, serverProperties(folder, address, `127.0.0.1:${controllerPort}`));
  const java = [...JAVA, "-cp", classPath];
  try {
    // Any 16 bytes are a cluster id.
    const id = Buffer.from("retroscope-tests").toString("base64url");
    const format = ["kafka.tools.StorageTool", "format", "-t", id, "-c", properties];
    await run("java", [...java, ...format], { timeout: FORMAT_TIMEOUT_MS });
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }

  const child = spawn("java", [...java, "kafka.Kafka", properties], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let log = "";
  const keep = (chunk: Buffer): void => {
    log = (log + String(chunk)).slice(-KEPT_LOG_CHARS);
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= end(child).finally(() => rmSync(folder, { recursive: true, force: true }));
    return stopping;
  };
  try {
    await untilReady(address, child);
  } catch (error) {
    await stop();
    throw new Error(`the broker did not start; its log ends:\n${log}`, { cause: error });
  }
  return { address, pid: child.pid as number, logTail: () => log, stop };
}

/** Waits for the port and for a metadata reply that names the broker. */
export async function untilReady(address: string, child?: ChildProcess): Promise<void> {
  const client = new Kafka({
    brokers: [address],
    logLevel: logLevel.NOTHING,
    retry: { retries: 0 },
    requestTimeout: 5_000,
  });
  const deadline = performance.now() + READY_TIMEOUT_MS;
  for (;;) {
    if (child !== undefined && child.exitCode !== null) throw new Error("it ended by itself");
    const admin = client.admin();
    try {
      await admin.connect();
      if ((await admin.describeCluster()).brokers.length > 0) return;
      throw new Error("the cluster has no broker yet");
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await sleep(POLL_MS);
    } finally {
      await admin.disconnect().catch(() => undefined);
    }
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), TERM_TIMEOUT_MS);
  await ended;
  clearTimeout(timer);
}

/** Two at once, so that they differ. */
async function freePorts(): Promise<readonly [number, number]> {
  const servers = await Promise.all([listening(), listening()]);
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return ports as unknown as readonly [number, number];
}

function listening(): Promise<ReturnType<typeof createServer>> {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => resolve(server));
  });
}

function serverProperties(folder: string, address: string, controller: string): string {
  const settings: ReadonlyArray<readonly [string, string | number]> = [
    ["process.roles", "broker,controller"],
    ["node.id", 1],
    ["controller.quorum.voters", `1@${controller}`],
    ["listeners", `PLAINTEXT://${address},CONTROLLER://${controller}`],
    ["advertised.listeners", `PLAINTEXT://${address}`],
    ["controller.listener.names", "CONTROLLER"],
    ["log.dirs", join(folder, "logs")],
    ["offsets.topic.replication.factor", 1],
    ["offsets.topic.num.partitions", 1],
    ["transaction.state.log.replication.factor", 1],
    ["transaction.state.log.min.isr", 1],
    ["transaction.state.log.num.partitions", 1],
    ["share.coordinator.state.topic.replication.factor", 1],
    ["share.coordinator.state.topic.min.isr", 1],
    ["auto.create.topics.enable", "false"],
    ["group.initial.rebalance.delay.ms", 0],
  ];
  return settings.map(([name, value]) => `${name}=${value}\n`).join("");
}
