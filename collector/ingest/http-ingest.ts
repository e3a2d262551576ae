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
import type { IngestTimers } from "./timers.ts";

/** Longest time that the reply to an empty batch is held open. */
export const MAX_HOLD_MS = 1_000;
const RETRY_AFTER_SECONDS = 1;
/** What a refused client may still send before it is cut off. */
const LINGER_MS = 500;
const MEDIA_TYPES: readonly string[] = [BATCH_MEDIA_TYPE, "application/octet-stream"];

export interface HttpIngestOptions {
  readonly ingest: Ingest;
  readonly timers: IngestTimers;
  readonly limits?: BodyLimits;
  /** Memory for bodies on their way; default: one of its own. */
  readonly budget?: BodyBudget;
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
  const budget = options.budget ?? new BodyBudget();
  return (request, response) => {
    const [path, query = ""] = (request.url ?? "").split("?", 2);
    if (path !== INGEST_PATH) return false;
    answer(options, budget, request, new URLSearchParams(query)).then(
      (reply) => send(response, 200, reply),
      (error) => refuse(options, request, response, error),
    );
    return true;
  };
}

async function answer(
  { ingest, timers, limits, authorize }: HttpIngestOptions,
  budget: BodyBudget,
  request: IncomingMessage,
  query: URLSearchParams,
): Promise<IngestReply> {
  if (request.method !== "POST") {
    throw new HttpRefusal(405, "bad-parameter", `${request.method} is not served here`, {
      hint: `Send batches with POST ${INGEST_PATH}.`,
    });
  }
  authorize?.(request);
  checkMediaType(request);
  const holdMs = holdOf(query);
  const declared = Number(request.headers["content-length"] ?? 0);
  if (ingest.isFull(declared)) {
    throw new RetroError("overloaded", "too much waits to be stored", {
      retriable: true,
      hint: "Send it again in a second.",
    });
  }
  const body = await readBody(request, limits ?? BODY_LIMITS, timers, budget);
  const reply = await ingest.submit(body, { mustBeEmpty: holdMs > 0 });
  return holdMs === 0 ? reply : hold(ingest, request, reply, holdMs);
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
  if (status === 429 || status === 503) response.setHeader("retry-after", RETRY_AFTER_SECONDS);
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
  return STATUS_OF[error.code] ?? 500;
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
