/**
 * A small service that `retroscope doctor` runs, with the agent preloaded: it sends itself a message over
 * every transport that has a hook and needs no other process, over loopback, so that the hooks show what
 * they can do on this Node. What the host's folder has of packages is loaded from there; of
 * kafkajs and gRPC is only seen whether they are as the hook knows them.
 *
 * Prints nothing; the agent reports (self-report.ts). Ends by itself.
 */
import { createServer, get, type IncomingMessage, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

/** Whatever hangs, this ends it. */
const DEADLINE_MS = 4_000;

const deadline = setTimeout(() => process.exit(1), DEADLINE_MS);
try {
  const server = await listen();
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  // Three in a row: so many heads must leave unseen before the next way of stamping is tried.
  for (let i = 0; i < 3; i += 1) await drained(url);
  await (await fetch(url)).text();
  server.closeAllConnections();
  server.close();
  for (const name of ["kafkajs", "@grpc/grpc-js", "@opentelemetry/api"]) load(name);
  const ws = load("ws") as Ws | undefined;
  if (ws !== undefined) await tryWs(ws);
} finally {
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

/** From the folder that doctor was started in; undefined: not installed there, or not to be loaded. */
function load(name: string): unknown {
  try {
    return createRequire(join(process.cwd(), "doctor.js"))(name);
  } catch {
    return undefined; // its hook stays absent
  }
}

interface Ws {
  readonly WebSocketServer: new (options: object) => WebSocketServer;
  readonly WebSocket: new (url: string) => Socket;
}

interface WebSocketServer {
  address(): AddressInfo;
  on(event: "connection", run: (socket: Socket) => void): void;
  once(event: "listening", run: () => void): void;
  close(): void;
}

interface Socket {
  on(event: "message", run: (text: unknown) => void): void;
  once(event: "open" | "error" | "close", run: () => void): void;
  send(text: unknown): void;
  terminate(): void;
}

/** A message and its echo. */
async function tryWs({ WebSocketServer, WebSocket }: Ws): Promise<void> {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  server.on("connection", (socket) => socket.on("message", (text) => socket.send(text)));
  await new Promise<void>((resolve) => server.once("listening", resolve));
  const socket = new WebSocket(`ws://127.0.0.1:${server.address().port}`);
  await new Promise<void>((resolve) => {
    socket.once("open", () => socket.send("one"));
    socket.once("error", resolve);
    socket.on("message", () => resolve());
  });
  socket.terminate();
  server.close();
}
