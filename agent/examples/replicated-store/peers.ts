/**
 * Plain JSON over HTTP between the example's processes: a small server and a small client on
 * `node:http`. Nothing here knows of the agent; its hooks stamp these messages by themselves. Every
 * body carries the journal's envelope, both ways.
 */
import { createServer, Agent as HttpAgent, request, type Server } from "node:http";
import type { Envelope, Journal } from "./journal.ts";

export interface Message {
  readonly envelope: Envelope | null;
  readonly body: { readonly [field: string]: unknown };
}

/** Answers a message; the object returned becomes the body of the reply. */
export type Handler = (path: string, body: Message["body"]) => Promise<Record<string, unknown>>;

/** How a process knows the others: `name=host:port`, separated by commas. */
export type Peers = ReadonlyMap<string, { readonly host: string; readonly port: number }>;

export function readPeers(text: string): Peers {
  return new Map(
    text
      .split(",")
      .filter((part) => part !== "")
      .map((part) => {
        const [name, address] = part.split("=") as [string, string];
        const [host, port] = address.split(":") as [string, string];
        return [name, { host, port: Number(port) }] as const;
      }),
  );
}

/** Serves on loopback; a client from outside (no envelope) is answered too. */
export function serve(journal: Journal, port: number, handler: Handler): Promise<Server> {
  const server = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on("data", (chunk: Buffer) => chunks.push(chunk));
    req.on("end", async () => {
      const text = Buffer.concat(chunks).toString("utf8");
      const message = (text === "" ? { envelope: null, body: {} } : JSON.parse(text)) as Message;
      if (message.envelope) journal.receive(message.envelope);
      let status = 200;
      let body: Record<string, unknown>;
      try {
        body = await handler(req.url ?? "/", message.body);
      } catch (error) {
        status = 503;
        body = { error: String(error) };
      }
      const envelope = message.envelope ? journal.send(message.envelope.from) : null;
      res.writeHead(status, { "content-type": "application/json" });
      res.end(JSON.stringify({ envelope, body }));
    });
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}

const connections = new HttpAgent({ keepAlive: true, maxSockets: 64 });
const CALL_TIMEOUT_MS = 5_000;

/** Calls a peer and waits for its answer. Rejects if it cannot be reached or answers an error. */
export function call(
  journal: Journal,
  peers: Peers,
  to: string,
  path: string,
  body: Record<string, unknown>,
): Promise<Message["body"]> {
  const peer = peers.get(to);
  if (!peer) return Promise.reject(new Error(`no such peer: ${to}`));
  const envelope = journal.send(to);
  return new Promise((resolve, reject) => {
    const req = request({ ...peer, path, method: "POST", agent: connections }, (res) => {
      const chunks: Buffer[] = [];
      res.on("data", (chunk: Buffer) => chunks.push(chunk));
      res.on("error", reject);
      res.on("end", () => {
        const reply = JSON.parse(Buffer.concat(chunks).toString("utf8")) as Message;
        if (reply.envelope) journal.receive(reply.envelope);
        if (res.statusCode === 200) resolve(reply.body);
        else reject(new Error(`${to} answered ${res.statusCode}`));
      });
    });
    req.setTimeout(CALL_TIMEOUT_MS, () => req.destroy(new Error(`${to} did not answer`)));
    req.on("error", reject);
    req.end(JSON.stringify({ envelope, body }));
  });
}
