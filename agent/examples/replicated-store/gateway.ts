/**
 * The gateway: takes writes and reads from clients outside, sends a write to the key's primary and a
 * read to any replica, and remembers the newest version that it has acknowledged of each key. A read
 * that returns an older one is stale; the gateway counts those.
 */
import { call, serve } from "./peers.ts";
import { startProcess } from "./start-process.ts";

const { agent, journal, peers, port, onStop } = startProcess("gateway");
const replicas = [...peers.keys()].sort();
const acknowledged = agent.log("acknowledged");
const versions = new Map<string, number>();
const traffic = agent.log("traffic");
let openRequests = 0;
let staleReads = 0;
let nextReplica = 0;

function primaryOf(key: string): string {
  let hash = 0;
  for (const char of key) hash = (hash * 31 + char.charCodeAt(0)) % 65_521;
  return replicas[hash % replicas.length] as string;
}

function note(key: string, value: number): void {
  journal.change("traffic", key, value, traffic.set(key, value));
}

async function write(key: string, value: number): Promise<Record<string, unknown>> {
  const stored = await call(journal, peers, primaryOf(key), "/write", { key, value });
  const version = Number(stored["version"]);
  if (version > (versions.get(key) ?? 0)) {
    versions.set(key, version);
    journal.change("acknowledged", key, version, acknowledged.set(key, version));
  }
  return { ...stored };
}

async function read(key: string): Promise<Record<string, unknown>> {
  const expected = versions.get(key) ?? 0;
  nextReplica = (nextReplica + 1) % replicas.length;
  const stored = await call(journal, peers, replicas[nextReplica] as string, "/read", { key });
  if (Number(stored["version"] ?? 0) < expected) {
    staleReads += 1;
    note("staleReads", staleReads);
  }
  return { ...stored };
}

const server = await serve(journal, port, async (path, body) => {
  openRequests += 1;
  note("open", openRequests);
  try {
    const key = String(body["key"]);
    return path === "/write" ? await write(key, Number(body["value"])) : await read(key);
  } finally {
    openRequests -= 1;
    note("open", openRequests);
  }
});

onStop(async () => {
  server.close();
  server.closeIdleConnections();
});
