/**
 * A small service that `retroscope doctor` runs, with the agent preloaded: it sends itself a message over
 * every transport that has a hook and needs no other process, over loopback, so that the hooks show what
 * they can do on this Node. What the host's folder has of packages is loaded from there.
 *
 * Prints nothing; the agent reports (self-report.ts). Ends by itself.
 */
import { createServer, get, type IncomingMessage, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

/** Whatever hangs, this ends it. */
const DEADLINE_MS = 4_000;
/** Packages with a hook: loading them shows whether they are as the hook knows them. */
const PACKAGES = ["kafkajs", "@grpc/grpc-js", "ws", "@opentelemetry/api"];

const deadline = setTimeout(() => process.exit(0), DEADLINE_MS);
try {
  const server = await listen();
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  // Three in a row: so many heads must leave unseen before the next way of stamping is tried.
  for (let i = 0; i < 3; i += 1) await drained(url);
  await (await fetch(url)).text();
  server.closeAllConnections();
  server.close();
} finally {
  loadPackages();
  clearTimeout(deadline);
}

function listen(): Promise<Server> {
  const server = createServer((_request, response) => response.end("ok"));
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => resolve(server));
  });
}

function drained(url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const call = get(url, (response: IncomingMessage) => {
      response.resume().once("end", () => resolve());
    });
    call.once("error", reject);
  });
}

/** From the folder that doctor was started in. */
function loadPackages(): void {
  const require = createRequire(join(process.cwd(), "doctor.js"));
  for (const name of PACKAGES) {
    try {
      require(name);
    } catch {
      // not installed here, or not to be loaded: its hook stays absent
    }
  }
}
