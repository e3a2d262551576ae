/**
 * Errors on their way out: the one place in which an exception becomes
 * `{"error": {"code", "message", "hint"}}` and a status.
 *
 * What went wrong outside is a RetroError and is told as it is. Anything else is a bug of ours: the
 * asker gets an id, the log gets the id with the stack.
 */
import { randomUUID } from "node:crypto";
import type { RetroCode } from "../../agent/kernel/index.ts";
import { type ErrorReply, RetroError } from "../../agent/kernel/index.ts";
import { RqlError } from "../rql/errors.ts";

/** Statuses by code; a code that is not listed is a failure on our side. */
const STATUS: Partial<Record<RetroCode, number>> = {
  "bad-time": 400,
  "bad-parameter": 400,
  "bad-config": 400,
  "bad-usage": 400,
  "bad-batch": 400,
  "bad-line": 400,
  "unsupported-version": 400,
  "too-old": 400,
  "too-far-ahead": 400,
  forbidden: 403,
  "unknown-node": 404,
  "unknown-log": 404,
  "unknown-variable": 404,
  "not-found": 404,
  "name-taken": 409,
  incomplete: 409,
  inconsistent: 409,
  "outside-retention": 410,
  "outside-window": 410,
  "too-large": 413,
  "unsupported-encoding": 415,
  "unsupported-media-type": 415,
  "too-many": 429,
  overloaded: 503,
  "disk-full": 503,
  "data-unusable": 503,
  cancelled: 503,
  closed: 503,
  unreachable: 502,
  "timed-out": 504,
};

/** What express says of a body that it does not read. */
const FOREIGN: Readonly<Record<number, readonly [code: RetroCode, hint: string]>> = {
  408: ["timed-out", "Send the body at once, behind its head."],
  413: ["too-large", "Send less at a time."],
  415: ["unsupported-encoding", "Send UTF-8 JSON, as it is or with gzip."],
};

/** The asker may try again after so many seconds, where trying again can help. */
const RETRY_AFTER_SECONDS = 1;

export interface ErrorAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: ErrorReply;
}

/** Told of our own failures, with the id that the asker was given. */
export type ReportFailure = (id: string, error: unknown) => void;

export function answerError(error: unknown, report: ReportFailure): ErrorAnswer {
  if (error instanceof RetroError && error.code !== "internal") {
    const status = STATUS[error.code] ?? 500;
    return {
      status,
      headers:
        status === 503 || status === 429 ? { "retry-after": String(RETRY_AFTER_SECONDS) } : {},
      body: errorBody(error),
    };
  }
  if (error instanceof RqlError) return { status: 400, headers: {}, body: rqlErrorBody(error) };
  const status = statusOfForeign(error);
  if (status !== undefined) {
    const said = error instanceof Error ? error.message : "the request cannot be read";
    const [code, hint] = FOREIGN[status] ?? ["bad-parameter", "Check the address."];
    const isBody = status === 400 && (error as { body?: unknown }).body !== undefined;
    const message = isBody ? `the body is no JSON: ${said.slice(0, 200)}` : said;
    return {
      status,
      headers: {},
      body: { error: { code, message, hint: isBody ? "Send an object as JSON." : hint } },
    };
  }
  const id = randomUUID();
  report(id, error);
  return {
    status: 500,
    headers: {},
    body: {
      error: {
        code: "internal",
        message: `the collector failed to answer (error ${id})`,
        hint: "This is a bug: the collector's log has the details under that id.",
        id,
      },
    },
  };
}

/** The body of a RetroError, without its status. Details come first, so that none can hide the code. */
export function errorBody(error: RetroError): ErrorReply {
  return {
    error: {
      ...error.details,
      code: error.code,
      message: error.message,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    },
  };
}

/** A text that is refused, with its place. */
function rqlErrorBody(error: RqlError): ErrorReply {
  const { code, message, hint, query, line, column, length, excerpt } = error;
  const place = { query, line, column, length, excerpt };
  return { error: { ...place, code, message, ...(hint === undefined ? {} : { hint }) } };
}

/** Express marks what the client did wrong (a path that cannot be decoded) with a 4xx status. */
function statusOfForeign(error: unknown): number | undefined {
  const status = (error as { status?: unknown } | null)?.status;
  return typeof status === "number" && status >= 400 && status < 500 ? status : undefined;
}
