/**
 * A collector's core in a process of its own, to be killed: store, ingest, the ingest door.
 * Prints one JSON line when it listens. Runs compiled code, as a user does.
 */
import { createServer } from "node:http";
import { createIngestHandler } from "#dist/collector/ingest/http-ingest.js";
import { Ingest } from "#dist/collector/ingest/ingest.js";
import { nodeIngestTimers } from "#dist/collector/ingest/node-timers.js";
import { LmdbStore } from "#dist/collector/store/lmdb-store.js";

const started = performance.now();
const timers = nodeIngestTimers();
const store = await LmdbStore.open({ directory: process.argv[2] });
const ingest = new Ingest({ store, timers });
const handler = createIngestHandler({ ingest, timers });
const server = createServer((request, response) => {
  if (!handler(request, response)) response.writeHead(404).end();
});
server.listen(0, "127.0.0.1", () => {
  const openMs = performance.now() - started;
  process.stdout.write(`${JSON.stringify({ port: server.address().port, openMs })}\n`);
});
