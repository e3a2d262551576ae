/**
 * One replica of the store. Each key has one primary, which orders its writes and copies them to the
 * other replicas over HTTP; a replica applies a copy if its version is newer. The copies are sent
 * without waiting, so replicas lag and can be seen to disagree: that is what there is to look at.
 *
 * Every so often a replica pauses for some 200 ms, as a garbage collection would make it do.
 */
import { setTimeout as delay } from "node:timers/promises";
import { call, serve } from "./peers.ts";
import { stallOnSignal } from "./stall-on-signal.ts";
import { startProcess } from "./start-process.ts";

interface Stored {
  readonly value: number;
  readonly version: number;
}

const { node, agent, journal, peers, port, onStop } = startProcess("store");
const kv = agent.log("kv");
const replication = agent.log("replication");
const PAUSE_EVERY_WRITES = 150;
const PAUSE_MS = 200;
const store = new Map<string, Stored>();
/** Then all stalls are planted from outside, and there are no others. */
const stallFile = process.env["EXAMPLE_STALLS"];
if (stallFile !== undefined) {
  const tasks = agent.log("tasks");
  stallOnSignal(stallFile, (task) => {
    journal.change("tasks", "last", task, tasks.set("last", task));
  });
}
let pendingCopies = 0;
let copyCount = 0;

/** Applies a version, journals it under the stamp that the agent gave it. */
function apply(key: string, stored: Stored): void {
  store.set(key, stored);
  journal.change("kv", key, stored, kv.set(key, stored));
}

function setPending(count: number): void {
  pendingCopies = count;
  journal.change("replication", "pending", count, replication.set("pending", count));
}

async function write(key: string, value: number): Promise<Stored> {
  const stored = { value, version: (store.get(key)?.version ?? 0) + 1 };
  apply(key, stored);
  for (const replica of peers.keys()) {
    setPending(pendingCopies + 1);
    call(journal, peers, replica, "/copy", { key, ...stored })
      .catch(() => undefined) // a lost copy is mended by the next write of the key
      .finally(() => setPending(pendingCopies - 1));
  }
  return stored;
}

async function copy(key: string, stored: Stored): Promise<void> {
  copyCount += 1;
  if (stallFile === undefined && copyCount % PAUSE_EVERY_WRITES === 0) await delay(PAUSE_MS);
  if (stored.version > (store.get(key)?.version ?? 0)) apply(key, stored);
}

const server = await serve(journal, port, async (path, body) => {
  const key = String(body["key"]);
  if (path === "/write") return { ...(await write(key, Number(body["value"]))) };
  if (path === "/copy") {
    await copy(key, { value: Number(body["value"]), version: Number(body["version"]) });
    return {};
  }
  if (path === "/read") return { ...store.get(key) };
  throw new Error(`${node} knows /write, /copy and /read, not ${path}`);
});

onStop(async () => {
  server.close();
  server.closeIdleConnections();
  const deadline = Date.now() + 2_000;
  while (pendingCopies > 0 && Date.now() < deadline) await delay(20);
});
