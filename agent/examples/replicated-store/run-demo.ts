/**
 * `npm run demo`: starts a collector, three store nodes, a gateway and a client, each a process of its
 * own, on loopback. One store's clock runs 300 ms ahead and one 200 ms behind. Keeps running until
 * Ctrl+C, or for `durationMs`; with `check` the collector's answers are then compared with the
 * processes' own journals (check/).
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { RetroError } from "retroscope";
import { freePort, isPortFree, ProcessGroup, waitFor } from "../processes.ts";
import { seededRandom } from "../seeded-random.ts";
import { type CheckResult, check, isClean } from "./check/check.ts";
import { readJournals } from "./check/read-journals.ts";
import { resultText } from "./stall-text.ts";
import { isProved } from "./stall-verdict.ts";
import { judgeStalls, LEAST_STALLS_MS, plantStalls } from "./stalls.ts";

export interface DemoOptions {
  /** Stop by itself after so long. Absent: run until Ctrl+C. */
  readonly durationMs?: number;
  /** Compare cuts with the journals at the end. Needs `durationMs`; 20 s if absent. */
  readonly check?: boolean;
  /** How many cuts to compare. Default 400. */
  readonly cuts?: number;
  /** Port of collector and UI. Absent: 7700, or a free one if that is taken. */
  readonly port?: number;
  /** SIGKILL the collector after so long, and start it again 1 s later on the same data. */
  readonly killCollectorAfterMs?: number;
  /** Client requests per second. Default 60, with stalls 120. */
  readonly rate?: number;
  /** Seed of the checker's random times. Absent: a random one, printed. */
  readonly seed?: number;
  /** Plant stalls into the replicas, and say what the collector made of each. */
  readonly stalls?: boolean;
  readonly print?: (line: string) => void;
}

const DEFAULT_PORT = 7700;
/** How long it runs if it is to be checked and no duration is given. */
const CHECK_MS = 20_000;
const DEFAULT_RATE = 60;
/** A stall of a replica is to meet some requests. */
const STALLS_RATE = 120;
/** Bounds for hangs: on a busy machine six processes take their time to start. */
const START_WAIT_MS = 60_000;
const DRAIN_WAIT_MS = 60_000;
/** Longer than the largest clock offset, so that every goodbye is later than every change. */
const QUIET_MS = 800;
const COLLECTOR_DOWN_MS = 1_000;

/** Clock offsets in milliseconds: that of the gateway and the second store is right. */
const STORES = [
  { name: "store-1", skewMs: 300 },
  { name: "store-2", skewMs: 0 },
  { name: "store-3", skewMs: -200 },
] as const;

/**
 * Runs the demo; resolves to an exit code: 0 done, 1 the check failed, 3 could not run.
 * @throws RetroError `bad-usage`: options that do not go together; nothing was started
 */
export async function runDemo(options: DemoOptions = {}): Promise<number> {
  checkOptions(options);
  const print = options.print ?? ((line: string) => process.stdout.write(`${line}\n`));
  const directory = mkdtempSync(join(tmpdir(), "retroscope-demo-"));
  const group = new ProcessGroup(directory);
  try {
    return await runIn(directory, group, options, print);
  } catch (error) {
    print(`The demo could not run: ${error instanceof Error ? error.message : String(error)}`);
    return 3;
  } finally {
    await group.stopAll();
    rmSync(directory, { recursive: true, force: true });
  }
}

function checkOptions({ stalls, durationMs }: DemoOptions): void {
  if (!stalls || durationMs === undefined || durationMs >= LEAST_STALLS_MS) return;
  const least = `${LEAST_STALLS_MS / 1_000}s`;
  throw new RetroError("bad-usage", `--stalls needs a --duration of at least ${least}`, {
    hint: `It takes calm, a stall and an answer: say --duration ${least} or more, or leave it out.`,
  });
}

async function runIn(
  directory: string,
  group: ProcessGroup,
  options: DemoOptions,
  print: (line: string) => void,
): Promise<number> {
  const durationMs = options.durationMs ?? (options.check ? CHECK_MS : undefined);
  const seed = options.seed ?? Math.floor(Math.random() * 2 ** 31);
  const interrupted = waitForInterrupt();
  const died = new Promise<never>((_, reject) => {
    group.onUnexpectedExit = (name, tail) => reject(new Error(`${name} ended by itself:\n${tail}`));
  });
  died.catch(() => undefined);

  const port = await choosePort(options.port);
  const url = `http://127.0.0.1:${port}`;
  const startCollector = (): Promise<void> => start(group, url, port, join(directory, "data"));
  await Promise.race([startCollector(), died]);
  await Promise.race([startExample(directory, group, url, options), died]);
  printWelcome(print, url, durationMs, options.stalls === true);

  const kill = killAndRestart(group, options.killCollectorAfterMs, startCollector, print);
  const end = durationMs === undefined ? new Promise<void>(() => undefined) : delay(durationMs);
  const over = new AbortController();
  const nodes = STORES.map(({ name }) => name);
  const stalls = options.stalls
    ? plantStalls({
        ...{ url, group, nodes, print, durationMs, signal: over.signal },
        reportFile: (node) => stallFile(directory, node),
      })
    : Promise.resolve([]);
  // One that the end, or a death, has overtaken is nobody's any more.
  stalls.catch(() => undefined);
  const wasInterrupted = await Promise.race([
    Promise.all([end, kill, stalls]).then(() => false),
    interrupted.then(() => true),
    died,
  ]).finally(() => over.abort());
  await group.stop("client");
  await delay(QUIET_MS);
  await group.stopAll(["gateway", ...STORES.map(({ name }) => name)]);
  if (wasInterrupted || (!options.check && !options.stalls)) {
    print("Stopped.");
    return 0;
  }
  await waitFor("all nodes have said goodbye", DRAIN_WAIT_MS, () => allLeft(url));
  let areStallsProved: boolean | undefined = true;
  if (options.stalls) {
    const result = await judgeStalls(url, await stalls);
    print(resultText(result));
    areStallsProved = isProved(result.judged);
  }
  if (!options.check) return 0;
  const journals = readJournals(directory);
  const result = await check({
    url,
    journals,
    cutCount: options.cuts ?? 400,
    random: seededRandom(seed),
  });
  printResult(print, result, seed);
  if (!isClean(result) || areStallsProved === false) return 1;
  // Nothing is wrong, and nothing was shown.
  return areStallsProved === undefined ? 3 : 0;
}

function waitForInterrupt(): Promise<void> {
  return new Promise((resolve) => {
    process.once("SIGINT", () => resolve());
    process.once("SIGTERM", () => resolve());
  });
}

async function choosePort(asked: number | undefined): Promise<number> {
  if (asked !== undefined) {
    if (await isPortFree(asked)) return asked;
    throw new Error(`port ${asked} is in use; leave --port out to take a free one`);
  }
  return (await isPortFree(DEFAULT_PORT)) ? DEFAULT_PORT : freePort();
}

async function start(group: ProcessGroup, url: string, port: number, data: string): Promise<void> {
  const main = fileURLToPath(new URL("../../../collector/main.js", import.meta.url));
  group.start("collector", main, ["collector", "--port", String(port), "--data", data], {});
  await waitFor("the collector answers", START_WAIT_MS, async () => {
    return (await fetch(`${url}/healthz`)).ok;
  });
}

async function startExample(
  directory: string,
  group: ProcessGroup,
  url: string,
  { stalls = false, rate = stalls ? STALLS_RATE : DEFAULT_RATE }: DemoOptions,
): Promise<void> {
  const built = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
  const addresses = new Map<string, string>();
  for (const { name } of STORES) addresses.set(name, `127.0.0.1:${await freePort()}`);
  const gatewayPort = await freePort();
  const peersOf = (self: string): string =>
    [...addresses]
      .filter(([name]) => name !== self)
      .map(([name, address]) => `${name}=${address}`)
      .join(",");
  const environment = (name: string, port: string | number, skewMs: number) => ({
    EXAMPLE_NODE: name,
    EXAMPLE_PORT: String(port),
    EXAMPLE_PEERS: peersOf(name),
    EXAMPLE_SKEW_MS: String(skewMs),
    EXAMPLE_JOURNAL: join(directory, `${name}.journal`),
    RETROSCOPE_COLLECTOR: url,
    ...(stalls ? { EXAMPLE_STALLS: stallFile(directory, name) } : {}),
  });
  mkdirSync(directory, { recursive: true });
  for (const { name, skewMs } of STORES) {
    const port = addresses.get(name)?.split(":")[1] as string;
    group.start(name, built("store-node.js"), [], environment(name, port, skewMs));
  }
  group.start("gateway", built("gateway.js"), [], environment("gateway", gatewayPort, 0));
  await waitFor("all nodes have joined", START_WAIT_MS, async () => {
    return (await nodeStatuses(url)).length === STORES.length + 1;
  });
  group.start("client", built("client.js"), [], {
    EXAMPLE_GATEWAY_PORT: String(gatewayPort),
    EXAMPLE_RATE: String(rate),
  });
}

/** Where a node says when it stood still. */
function stallFile(directory: string, node: string): string {
  return join(directory, `${node}.stalls`);
}

async function nodeStatuses(url: string): Promise<readonly string[]> {
  const answer = (await (await fetch(`${url}/api/nodes`)).json()) as {
    nodes: { status: string }[];
  };
  return answer.nodes.map((node) => node.status);
}

async function allLeft(url: string): Promise<boolean> {
  return (await nodeStatuses(url)).every((status) => status === "left");
}

async function killAndRestart(
  group: ProcessGroup,
  afterMs: number | undefined,
  restart: () => Promise<void>,
  print: (line: string) => void,
): Promise<void> {
  if (afterMs === undefined) return;
  await delay(afterMs);
  await group.stop("collector", "SIGKILL");
  print("Killed the collector (SIGKILL).");
  await delay(COLLECTOR_DOWN_MS);
  await restart();
  print("Started it again on the same data.");
}

function printWelcome(
  print: (line: string) => void,
  url: string,
  durationMs: number | undefined,
  hasStalls: boolean,
): void {
  const flag = url.endsWith(`:${DEFAULT_PORT}`) ? "" : ` --url ${url}`;
  print(`
A store of three replicas and a gateway exchange real HTTP traffic.
store-1's clock is 300 ms ahead, store-3's 200 ms behind.

  Open      ${url}

  Try       drag the cut line through the past: do the replicas agree?
            npx retroscope snapshot --at -5s${flag}
            npx retroscope diff -5s -4s --log kv${flag}
${hasStalls ? stallsText(flag) : ""}
${durationMs === undefined ? "Ctrl+C stops everything." : `Stops by itself after ${durationMs / 1_000} s.`}
`);
}

function stallsText(flag: string): string {
  return `
Every 2.5 s a replica stands still for 150 ms: it computes, collects garbage, or is stopped. Nobody is told of it;
what the collector makes of each is printed below. By yourself:

            npx retroscope bottlenecks --from -30s${flag}
            npx retroscope latency --from -10s --window 100ms --service store${flag}
`;
}

function printResult(print: (line: string) => void, result: CheckResult, seed: number): void {
  const verdict = isClean(result) ? "PASS" : "FAIL";
  print(`
Compared with the processes' own journals (seed ${seed}):

  cuts at random past times                       ${result.cuts}
    called complete                               ${result.complete}
    called complete but lacking something         ${result.wronglyComplete}
    with a state unlike the journals              ${result.wrongStates}
    holding an effect without its cause           ${result.effectsWithoutCause}
  the same times read by wall clock alone
    holding an effect without its cause           ${result.effectsWithoutCauseByWallClock}
  events recorded by the agents                   ${result.recorded}
    stored                                        ${result.stored}
    dropped and reported                          ${result.dropped}
    lost                                          ${result.lost}
    stored twice                                  ${result.doubled}
${result.faults.map((fault) => `\n  ! ${fault}`).join("")}
${verdict}`);
}
