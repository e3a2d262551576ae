/**
 * Ships over HTTP: `POST /v1/batches`, batches one after the other in the body (kernel/protocol.ts).
 *
 * One keep-alive agent of our own, marked so that the hooks leave its requests alone; sockets are
 * unref'd, so an idle or waiting request keeps no process alive. A request that passes its deadline is
 * destroyed, its connection with it. Never rejects.
 *
 * HAZARD: while a connection is being made, libuv keeps the process alive, unref'd or not. Behind a
 * firewall that drops packets that would be for as long as the request may take, with the service done
 * and waiting to exit. So connecting has a short deadline of its own. For a link slower than that, every
 * fourth attempt is patient. (A look-up of the name cannot be given up: an address is the safer setting.)
 */
import { ClientRequest, Agent as HttpAgent, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { urlToHttpOptions } from "node:url";
import { BATCH_MEDIA_TYPE, INGEST_PATH, type IngestReply } from "../kernel/index.ts";
import type { Scheduler } from "./scheduler.ts";
import type { SendOptions, Transport, TransportReply } from "./transport.ts";

/** One for batches, one for the held heartbeat. */
const MAX_SOCKETS = 2;
/** A longer answer is no answer of a collector. */
const MAX_REPLY_BYTES = 1024 * 1024;
const MAX_MESSAGE_LENGTH = 200;
/** Answers of whoever takes no batches there: moved, not found, method not allowed. */
const NOT_HERE: ReadonlySet<number> = new Set([301, 302, 303, 307, 308, 404, 405, 501]);
export const CONNECT_TIMEOUT_MS = 300;
export const PATIENT_CONNECT_TIMEOUT_MS = 3_000;
const PATIENT_EVERY = 4;
/** The hooks' hands off: see agent/propagation/stamping.ts, which this folder does not know. */
const UNTRACED = Symbol.for("retroscope.untraced");

export interface HttpTransportOptions {
  /** The collector: `http://127.0.0.1:7700`; a path before `/v1/batches` is kept. */
  readonly collector: URL;
  /** Sent as `Authorization: Bearer`. */
  readonly token?: string | undefined;
  readonly scheduler: Scheduler;
}

export class HttpTransport implements Transport {
  readonly target: string;
  readonly #url: URL;
  /** What each request is made of, taken apart once. */
  readonly #options: ReturnType<typeof urlToHttpOptions>;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #scheduler: Scheduler;
  readonly #agent: HttpAgent;
  /** Connections in a row that were not made in time. */
  #slowCount = 0;

  constructor(options: HttpTransportOptions) {
    const { collector, token, scheduler } = options;
    const isTls = collector.protocol === "https:";
    this.#url = new URL(collector.pathname.replace(/\/+$/, "") + INGEST_PATH, collector);
    this.#options = urlToHttpOptions(this.#url);
    this.target = collector.origin;
    this.#headers = {
      "content-type": BATCH_MEDIA_TYPE,
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    };
    this.#scheduler = scheduler;
    const settings = { keepAlive: true, maxSockets: MAX_SOCKETS };
    this.#agent = isTls ? new HttpsAgent(settings) : new HttpAgent(settings);
    Object.assign(this.#agent, { [UNTRACED]: true });
  }

  send(batches: readonly Uint8Array[], options: SendOptions): Promise<TransportReply> {
    return new Promise((resolve) => {
      const length = batches.reduce((sum, bytes) => sum + bytes.length, 0);
      // What `http.request` makes. Tracing SDKs patch that function, and would trace our shipping as calls
      // of the host's.
      const request = new ClientRequest({
        ...this.#options,
        ...(options.holdMs > 0 ? { path: this.#heldPath(options.holdMs) } : {}),
        method: "POST",
        agent: this.#agent,
        headers: { ...this.#headers, "content-length": length },
      });
      const deadlineMs = options.timeoutMs + options.holdMs;
      const cancel = this.#scheduler.after(deadlineMs, () => {
        settle(failed(`no answer within ${deadlineMs} ms`));
        request.destroy();
      });
      let cancelConnect: () => void = () => undefined;
      const settle = (reply: TransportReply): void => {
        cancel();
        cancelConnect();
        resolve(reply); // the first one counts
      };
      request.on("socket", (socket) => {
        socket.unref();
        if (!socket.connecting) return;
        const timeoutMs = this.#connectTimeoutMs();
        cancelConnect = this.#scheduler.after(timeoutMs, () => {
          this.#slowCount += 1;
          settle(failed(`no connection within ${timeoutMs} ms`));
          request.destroy();
        });
        socket.once("connect", () => {
          this.#slowCount = 0;
          cancelConnect();
        });
      });
      request.on("error", (error) => settle(failed(adviseOn(messageOf(error)))));
      request.on("response", (response) => {
        readBody(
          response,
          (body) => settle(replyOf(response, body, this.#url)),
          (error) => {
            settle(failed(messageOf(error)));
            request.destroy();
          },
        );
      });
      for (const bytes of batches) request.write(bytes);
      request.end();
    });
  }

  #heldPath(holdMs: number): string {
    const url = new URL(this.#url);
    url.searchParams.set("hold", `${holdMs}ms`);
    return url.pathname + url.search;
  }

  #connectTimeoutMs(): number {
    const isPatient = this.#slowCount % PATIENT_EVERY === PATIENT_EVERY - 1;
    return isPatient ? PATIENT_CONNECT_TIMEOUT_MS : CONNECT_TIMEOUT_MS;
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** Calls `done`, or `broke` if the body is too long or breaks off. The first word counts. */
function readBody(
  response: IncomingMessage,
  done: (body: string) => void,
  broke: (error: unknown) => void,
): void {
  const chunks: Buffer[] = [];
  let length = 0;
  response.on("data", (chunk: Buffer) => {
    length += chunk.length;
    if (length <= MAX_REPLY_BYTES) chunks.push(chunk);
    else broke(new Error(`the answer is over ${MAX_REPLY_BYTES} bytes`));
  });
  response.on("end", () => done(Buffer.concat(chunks).toString("utf8")));
  response.on("error", broke);
}

function replyOf(response: IncomingMessage, body: string, url: URL): TransportReply {
  const status = response.statusCode ?? 0;
  if (status === 200) return ackedOf(body);
  const message = errorMessageOf(body) ?? response.statusMessage ?? "";
  if (status === 401 || status === 403) return { kind: "unauthorized", status };
  if (status === 413) return { kind: "too-large" };
  if (status === 400 || status === 415) return { kind: "refused", status, message };
  const advice = NOT_HERE.has(status) ? `: ${adviceFor(url)}` : "";
  return failed(`${status} ${message}${advice}`, retryAfterMs(response));
}

/** What to change where no collector takes batches. */
function adviceFor({ origin, pathname }: URL): string {
  const path = pathname.slice(0, -INGEST_PATH.length);
  if (path === "") return `another service seems to answer at ${origin}; name the collector's`;
  return `the collector's address was given with the path ${path}; leave it out, or mend the proxy there`;
}

/** A code of Node's, with what to change where it tells of the wrong protocol. */
function adviseOn(code: string): string {
  if (code === "EPROTO" || code === "ERR_SSL_WRONG_VERSION_NUMBER") {
    return `${code}: no TLS is spoken there; the collector's address may begin with http:, not https:`;
  }
  if (code.startsWith("HPE_")) return `${code}: what answers there does not speak HTTP`;
  return code;
}

function ackedOf(body: string): TransportReply {
  try {
    return { kind: "acked", reply: JSON.parse(body) as IngestReply };
  } catch {
    return failed("the answer is not a collector's");
  }
}

function errorMessageOf(body: string): string | undefined {
  try {
    const { error } = JSON.parse(body) as { error?: { code?: unknown; message?: unknown } };
    return error === undefined
      ? undefined
      : `${error.code}: ${error.message}`.slice(0, MAX_MESSAGE_LENGTH);
  } catch {
    return undefined;
  }
}

/** Seconds, or a date, which is measured against the answer's own date: our clock may be off. */
function retryAfterMs({ headers }: IncomingMessage): number | null {
  const text = headers["retry-after"]?.trim();
  if (text === undefined) return null;
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1_000;
  const waitMs = Date.parse(text) - Date.parse(headers.date ?? "");
  return Number.isNaN(waitMs) ? null : Math.max(0, waitMs);
}

function failed(message: string, retryAfter: number | null = null): TransportReply {
  return { kind: "failed", retryAfterMs: retryAfter, message };
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return "request failed";
  const { code } = error as { code?: unknown };
  return String(code ?? error.message).slice(0, MAX_MESSAGE_LENGTH);
}
