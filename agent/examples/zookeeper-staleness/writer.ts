/**
 * The writer: an open-loop stream of updates, a stretch of them on one znode and then on the next, so that
 * one is always busy and each has times of rest. Open loop means that updates leave at their times whether
 * or not earlier ones were answered; ZooKeeper keeps a session's order, so the version that an update will
 * make is known when it leaves.
 *
 * With stamps each update carries one, and the observers' clocks are heard of (way-back.ts).
 */
import { stampedData } from "./stamps.ts";
import { startProcess } from "./start-process.ts";
import { answerObservers } from "./way-back.ts";

const STRETCH_MS = 500;
/** Updates sent and not yet answered; beyond it times are let pass. */
const MAX_OPEN = 64;
const LAST_ANSWERS_MS = 3_000;

const { agent, zookeeper, root, znodes, isStamped, writerPort, note, onStop } =
  await startProcess("writer");
const updatesPerSecond = Number(process.env["CASE_RATE"] ?? 100);
const versions = new Map(znodes.map((znode) => [znode, 0]));
let open = 0;

function update(znode: string): void {
  const version = (versions.get(znode) ?? 0) + 1;
  versions.set(znode, version);
  open += 1;
  note("written", znode, version);
  const data = isStamped ? stampedData(agent) : Buffer.from(String(version));
  // One that fails ends the process: what it made is not known, so nothing that follows could be judged.
  void zookeeper.write(`${root}/${znode}`, data).then((made) => {
    open -= 1;
    if (made !== version) throw new Error(`${znode}: version ${made} was made, not ${version}`);
  });
}

const server = isStamped ? answerObservers(writerPort) : undefined;
const startMs = performance.now();
let due = 0;
const timer = setInterval(() => {
  const elapsedMs = performance.now() - startMs;
  const znode = znodes[Math.floor(elapsedMs / STRETCH_MS) % znodes.length] as string;
  const now = Math.floor((elapsedMs / 1_000) * updatesPerSecond);
  for (; due < now; due += 1) if (open < MAX_OPEN) update(znode);
}, 2);

onStop(async () => {
  clearInterval(timer);
  server?.close();
  server?.closeAllConnections();
  const deadline = performance.now() + LAST_ANSWERS_MS;
  while (open > 0 && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
});
