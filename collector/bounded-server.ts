/**
 * The node:http server before ingest and API, with a deadline for everything that a peer may drag out:
 *
 *     connect ── head ──▶ 10 s ── body ──▶ 60 s (batches: 10 s, body-reader.ts)
 *        │                                        answer is made (query-gate.ts, ?hold, ?wait)
 *        └─ 10 s without a byte                   answer ended ── taken by the peer ──▶ 30 s
 *        between two requests: 30 s               nothing moves in either direction: 120 s
 *
 * Node looks for late heads and bodies every 30 s unless told otherwise: a deadline of 10 s would be
 * one of up to 40. What Node refuses by itself (a head that is no HTTP, or too long) it answers
 * without a body; here it is told as JSON, as every other refusal.
 */
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from "node:http";
import type { Duplex } from "node:stream";
import type { RetroCode } from "../agent/kernel/index.ts";

/** Every bound of a connection. */
export interface ServerLimits {
  /** From the connection, or the end of the request before, to the end of the head. */
  readonly headMs: number;
  /** To the end of the body. */
  readonly requestMs: number;
  /** Between two requests of a connection. */
  readonly keepAliveMs: number;
  /** Without a byte in either direction: a peer that vanished. Longer than any answer is held open. */
  readonly idleMs: number;
  /** For an answer that has ended to be taken by the peer. */
  readonly sendMs: number;
  /** How often late ones are looked for. */
  readonly checkMs: number;
  /** Connections open at a time; further ones are closed at once. */
  readonly connections: number;
  readonly headBytes: number;
  readonly headerCount: number;
}

export const SERVER_LIMITS: ServerLimits = {
  headMs: 10_000,
  requestMs: 60_000,
  keepAliveMs: 30_000,
  idleMs: 120_000,
  sendMs: 30_000,
  checkMs: 1_000,
  connections: 10_000,
  headBytes: 16 * 1024,
  headerCount: 100,
};

type Handle = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * A server that does not listen yet.
 * @param after calls back once after so many ms; the result cancels it (`IngestTimers.after`)
 */
export function createBoundedServer(
  handle: Handle,
  after: (ms: number, wake: () => void) => () => void,
  limits: ServerLimits = SERVER_LIMITS,
): Server {
  const options: ServerOptions = {
    headersTimeout: limits.headMs,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.keepAliveMs,
    connectionsCheckingInterval: limits.checkMs,
    maxHeaderSize: limits.headBytes,
    // The check of `Host` (api/security.ts) refuses a request without one, in our words.
    requireHostHeader: false,
  };
  const server = createServer(options, (request, response) => {
    // `end` was called: from here on only the peer can be slow.
    response.once("prefinish", () => {
      const cancel = after(limits.sendMs, () => response.destroy());
      response.once("finish", cancel).once("close", cancel);
    });
    handle(request, response);
  });
  server.maxHeadersCount = limits.headerCount;
  server.maxConnections = limits.connections;
  server.timeout = limits.idleMs;
  server.on("clientError", answerClientError);
  server.on("checkExpectation", (_request, response: ServerResponse) => {
    const body = errorText("bad-parameter", "that `Expect` is not known", "Leave it out.");
    response.writeHead(417, { ...JSON_HEADERS, "content-length": Buffer.byteLength(body) });
    response.end(body);
  });
  return server;
}

const JSON_HEADERS = {
  "content-type": "application/json",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
} as const;

/** Node could not read the request. There is no response object: the socket is written to. */
function answerClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, reason, code] = STATUS_OF[error.code ?? ""] ?? NOT_HTTP;
  const body = errorText(code, reason, "Send HTTP/1.1, with less in its head, and soon.");
  const head = Object.entries({
    ...JSON_HEADERS,
    connection: "close",
    "content-length": Buffer.byteLength(body),
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  // An answer that is under way already would be torn in two: Node sets no bytes apart.
  const isAnswering = (socket as { _httpMessage?: { headersSent: boolean } | null })._httpMessage
    ?.headersSent;
  if (isAnswering === true) socket.destroy();
  else socket.end(`HTTP/1.1 ${status}\r\n${head.join("")}\r\n${body}`, () => socket.destroy());
}

type Refusal = readonly [status: string, reason: string, code: RetroCode];

const NOT_HTTP: Refusal = ["400 Bad Request", "the request is not HTTP", "bad-parameter"];
const STATUS_OF: Readonly<Record<string, Refusal>> = {
  ERR_HTTP_REQUEST_TIMEOUT: ["408 Request Timeout", "the request took too long", "timed-out"],
  HPE_HEADER_OVERFLOW: [
    "431 Request Header Fields Too Large",
    "the head of the request is too long",
    "too-large",
  ],
};

function errorText(code: RetroCode, message: string, hint: string): string {
  return JSON.stringify({ error: { code, message, hint } });
}
