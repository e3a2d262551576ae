/**
 * `POST /v1/batches`, served by node:http itself, ahead of the rest of the API.
 *
 *     POST /v1/batches[?hold=1s]    content-type: application/vnd.retroscope.batch
 *     200  {"acks", "commands"}     all batches of the body are durable
 *     400  malformed, broken promise, outside the gate: never send these bytes again
 *     405, 413, 415                 method; too large (send less at a time); type or encoding
 *     408                           the body did not arrive in time
 *     429, 503  with Retry-After    too much at once; the disk is full, or the collector is stopping
 *
 * A web page can reach a loopback port. It cannot send our media type to another origin without
 * asking first (a preflight, which we do not answer); so the media type is required.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import {
  BATCH_MEDIA_TYPE,
  INGEST_PATH,
  type IngestReply,
  type RetroCode,
  RetroError,
} from "../../agent/kernel/index.ts";
import { BodyBudget } from "./body-budget.ts";
import { BODY_LIMITS, type BodyLimits, readBody } from "./body-reader.ts";
import type { Ingest } from "./ingest.ts";
import type { MemoryGate } from "./memory-gate.ts";
import { DEFAULT_ADDRESS_RATE, type RateLimit, RateLimits } from "./rate-limits.ts";
import type { IngestTimers } from "./timers.ts";

/** Longest time that the reply to an empty batch is held open. */
export const MAX_HOLD_MS = 1_000;
const RETRY_AFTER_SECONDS = 1;
const MAX_RETRY_AFTER_SECONDS = 60;
/** Nodes that are remembered of a connection. An agent has one. */
const MAX_NODES_OF_SOCKET = 4;
/** What a refused client may still send before it is cut off. */
const LINGER_MS = 500;
const MEDIA_TYPES: readonly string[] = [BATCH_MEDIA_TYPE, "application/octet-stream"];

export interface HttpIngestOptions {
  readonly ingest: Ingest;
  readonly timers: IngestTimers;
  readonly limits?: BodyLimits;
  /** Memory for bodies on their way; default: one of its own. */
  readonly budget?: BodyBudget;
  /** Refuses while memory is short; default: never. */
  readonly memory?: MemoryGate;
  /** So much a second is taken from one address. */
  readonly addressRate?: RateLimit;
  /** Called before anything is read: throws a RetroError to refuse (token, host, address). */
  readonly authorize?: (request: IncomingMessage) => void;
  /** Told of errors that are ours, not the client's. */
  readonly onInternalError?: (error: unknown) => void;
  /** Told of every request that is refused, for the log. */
  readonly onRefused?: (refusal: RetroError) => void;
}

const STATUS_OF: { readonly [code in RetroCode]?: number } = {
  "bad-batch": 400,
  "bad-parameter": 400,
  "unsupported-version": 400,
  "too-far-ahead": 400,
  "too-old": 400,
  forbidden: 403,
  "timed-out": 408,
  "too-large": 413,
  "unsupported-encoding": 415,
  "unsupported-media-type": 415,
  overloaded: 429,
  "disk-full": 503,
  "data-unusable": 503,
  closed: 503,
};

/**
 * A handler for node:http. It returns whether the request was its own: give it to the API if not.
 * @example
 * const ingestHandler = createIngestHandler({ ingest, timers });
 * createServer((request, response) => {
 *   if (!ingestHandler(request, response)) app(request, response);
 * });
 */
export function createIngestHandler(
  options: HttpIngestOptions,
): (request: IncomingMessage, response: ServerResponse) => boolean {
  const door = new Door(options);
  return (request, response) => {
    const [path, query = ""] = (request.url ?? "").split("?", 2);
    if (path !== INGEST_PATH) return false;
    door.answer(request, new URLSearchParams(query)).then(
      (reply) => send(response, 200, reply),
      (error) => refuse(options, request, response, error),
    );
    return true;
  };
}

class Door {
  readonly #options: HttpIngestOptions;
  readonly #budget: BodyBudget;
  readonly #addressRates: RateLimits;
  /** Who sends over a connection: known from its first request on, so that the next need not be read. */
  readonly #nodesOf = new WeakMap<Socket, readonly string[]>();

  constructor(options: HttpIngestOptions) {
    this.#options = options;
    this.#budget = options.budget ?? new BodyBudget();
    const { addressRate = DEFAULT_ADDRESS_RATE, timers } = options;
    this.#addressRates = new RateLimits("address", addressRate, () => timers.monotonicMs());
  }

  async answer(request: IncomingMessage, query: URLSearchParams): Promise<IngestReply> {
    const { ingest } = this.#options;
    let holdMs: number;
    let body: Uint8Array;
    try {
      if (request.method !== "POST") {
        throw new HttpRefusal(405, "bad-parameter", `${request.method} is not served here`, {
          hint: `Send batches with POST ${INGEST_PATH}.`,
        });
      }
      this.#options.authorize?.(request);
      checkMediaType(request);
      holdMs = holdOf(query);
      body = await this.#read(request);
    } catch (error) {
      ingest.turnedAway(error);
      throw error;
    }
    const reply = await ingest.submit(body, { mustBeEmpty: holdMs > 0 });
    this.#nodesOf.set(
      request.socket,
      reply.acks.slice(0, MAX_NODES_OF_SOCKET).map(({ node }) => node),
    );
    return holdMs === 0 ? reply : hold(ingest, request, reply, holdMs);
  }

  /** The body, if there is room for it: nothing is read of one that is not wanted now. */
  async #read(request: IncomingMessage): Promise<Uint8Array> {
    const { ingest, limits = BODY_LIMITS, timers, memory } = this.#options;
    const length = request.headers["content-length"];
    const declared = length === undefined ? limits.maxWireBytes : Number(length);
    const address = request.socket.remoteAddress ?? "";
    this.#addressRates.check(address);
    for (const node of this.#nodesOf.get(request.socket) ?? []) ingest.nodeRates.check(node);
    memory?.admit(declared, this.#budget.reservedBytes + ingest.queuedBytes);
    if (ingest.isFull(length === undefined ? 0 : declared)) {
      throw new RetroError("overloaded", "too much waits to be stored", {
        retriable: true,
        hint: "Send it again in a second.",
      });
    }
    const body = await readBody(request, limits, timers, this.#budget);
    this.#addressRates.pay(address, body.length);
    return body;
  }
}

/** Keeps an idle agent's reply open until there is something to tell it. */
async function hold(
  ingest: Ingest,
  request: IncomingMessage,
  reply: IngestReply,
  holdMs: number,
): Promise<IngestReply> {
  if (reply.commands.length > 0) return reply;
  const nodes = reply.acks.map((ack) => ack.node);
  const gone = new AbortController();
  const onClose = () => gone.abort();
  request.socket.once("close", onClose);
  await ingest.commands.hold(nodes, holdMs, gone.signal);
  request.socket.off("close", onClose);
  return { acks: reply.acks, commands: ingest.commands.take(nodes) };
}

function checkMediaType(request: IncomingMessage): void {
  const type = (request.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  if (MEDIA_TYPES.includes(type)) return;
  throw new RetroError("unsupported-media-type", `content-type ${type || "(none)"} is not served`, {
    hint: `Send ${BATCH_MEDIA_TYPE}.`,
  });
}

function holdOf(query: URLSearchParams): number {
  for (const name of query.keys()) {
    if (name === "hold") continue;
    throw new RetroError("bad-parameter", `the parameter ${name.slice(0, 80)} is not known`, {
      hint: "The only one is hold, as in ?hold=1s.",
    });
  }
  const texts = query.getAll("hold");
  if (texts.length === 0) return 0;
  const match = texts.length === 1 ? /^(\d{1,5})(ms|s)$/.exec(texts[0] ?? "") : null;
  const holdMs = match === null ? Number.NaN : Number(match[1]) * (match[2] === "s" ? 1_000 : 1);
  if (holdMs >= 0 && holdMs <= MAX_HOLD_MS) return holdMs;
  throw new RetroError("bad-parameter", `hold=${texts.join(",").slice(0, 80)} is not understood`, {
    hint: `A time up to ${MAX_HOLD_MS} ms, once: 1s, 250ms.`,
  });
}

/** A refusal whose status does not follow from its code. */
class HttpRefusal extends RetroError {
  readonly status: number;

  constructor(
    status: number,
    code: RetroCode,
    message: string,
    options: { readonly hint: string },
  ) {
    super(code, message, options);
    this.status = status;
  }
}

function refuse(
  options: HttpIngestOptions,
  request: IncomingMessage,
  response: ServerResponse,
  error: unknown,
): void {
  const known =
    error instanceof RetroError
      ? error
      : new RetroError("internal", "the collector failed", { hint: "Its log says more." });
  const status = statusOf(known);
  if (status === 500) options.onInternalError?.(error);
  else options.onRefused?.(known);
  const { code, message, hint, details } = known;
  if (status === 405) response.setHeader("allow", "POST");
  if (status === 429 || status === 503) response.setHeader("retry-after", retryAfterSeconds(known));
  if (!request.complete) cutOff(options.timers, request, response);
  send(response, status, {
    error: { ...details, code, message, ...(hint === undefined ? {} : { hint }) },
  });
}

/** 401 and 403 come from `authorize`, which says so in `details.status`. */
function statusOf(error: RetroError): number {
  if (error instanceof HttpRefusal) return error.status;
  const status = error.details?.["status"];
  if (status === 401 || status === 403) return status;
  // Nobody in particular sends too much: there is too little to serve anybody with.
  if (error.details?.["reason"] === "memory") return 503;
  return STATUS_OF[error.code] ?? 500;
}

function retryAfterSeconds({ details }: RetroError): number {
  const ms = Number(details?.["retryAfterMs"] ?? 0);
  const seconds = Math.ceil(ms / 1_000);
  return Math.min(MAX_RETRY_AFTER_SECONDS, Math.max(RETRY_AFTER_SECONDS, seconds));
}

/**
 * The client is still sending what nobody wants. It may read the answer first; closing at once would
 * reset the connection and take the answer with it.
 */
function cutOff(timers: IngestTimers, request: IncomingMessage, response: ServerResponse): void {
  response.setHeader("connection", "close");
  request.resume();
  const { socket } = request;
  const cancel = timers.after(LINGER_MS, () => socket.destroy());
  socket.once("close", cancel);
}

function send(response: ServerResponse, status: number, body: object): void {
  if (response.destroyed || response.headersSent) return;
  const text = JSON.stringify(body);
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  });
  response.end(text);
}
