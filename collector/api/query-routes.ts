/**
 * Searches every cut of a range: `POST /api/query`. The answer is streamed, a JSON object a line, and may
 * take as long as its steps last; so it stands before the gate of questions (query-gate.ts), which bounds
 * their time, and has a bound of its own on how many run.
 *
 *     text ─▶ refused: 400 with the place ─▶ too many: 429 ─▶ 200, lines ─▶ end
 *                                       the connection closes: cancelled
 *
 * Who reads slowly is waited for, and holds a place of the few that there are; so lines that are not taken
 * in `UNTAKEN_MS` close the connection, however many bytes trickle.
 */
import { type RequestHandler, type Response, Router } from "express";
import type { Hlc } from "../../agent/kernel/index.ts";
import { RetroError } from "../../agent/kernel/index.ts";
import { nearestNames } from "../cut/selection.ts";
import type { CutTimers } from "../cut/timers.ts";
import type { WriteLines } from "../rql/run/job.ts";
import type { QueryAsked, QueryRunner } from "../rql/run/query-runner.ts";
import { bad, timeOf } from "./json-body.ts";
import { Params } from "./params.ts";

/** Bytes of a request's JSON: a text of 16 KiB, however it is escaped. */
export const MAX_QUERY_BODY_BYTES: number = 1024 * 1024;
/** So long may lines wait to be taken by who asked. */
export const UNTAKEN_MS = 120_000;
const FIELDS = ["rql", "explain", "from", "to"];

export interface QueryRouteOptions {
  readonly queries: Pick<QueryRunner, "answer">;
  /** Reads the body (json-bodies.ts). */
  readonly readJson: readonly RequestHandler[];
  readonly after: CutTimers["after"];
  readonly untakenMs?: number | undefined;
  readonly now: () => Hlc;
  /** Whether not even a question may be begun (ingest/memory-gate.ts). */
  readonly isOutOfMemory: () => boolean;
}

export function queryRoutes(options: QueryRouteOptions): Router {
  const { queries, readJson, now, isOutOfMemory, after, untakenMs = UNTAKEN_MS } = options;
  const router = Router();

  router.post("/api/query", ...readJson, async (request, response) => {
    const asked = now();
    new Params(request.originalUrl, [], asked);
    const question = readQuestion(request.body, asked);
    if (isOutOfMemory()) {
      throw new RetroError("overloaded", "the collector's memory is used up", {
        retriable: true,
        hint: "Ask again in a second.",
      });
    }
    const closing = new AbortController();
    response.once("close", () => closing.abort());
    try {
      const giveUp = (): (() => void) => after(untakenMs, () => response.destroy());
      await queries.answer(question, () => begin(response, giveUp), closing.signal);
      response.end();
    } catch (error) {
      // Nobody is there to be told.
      if (!closing.signal.aborted) throw error;
    }
  });

  return router;
}

/** Sends the head; gives where lines go. `giveUp` sets a deadline, and gives what takes it back. */
function begin(response: Response, giveUp: () => () => void): WriteLines {
  response.status(200).type("application/x-ndjson");
  response.flushHeaders();
  return async (text) => {
    if (response.destroyed || response.write(text)) return;
    const cancel = giveUp();
    await drained(response);
    cancel();
  };
}

/** Resolves once what was written has left, or nobody reads any more. */
function drained(response: Response): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off("drain", done);
      response.off("close", done);
      resolve();
    };
    response.once("drain", done);
    response.once("close", done);
  });
}

/** @throws RetroError `bad-parameter`, `bad-time` */
function readQuestion(body: unknown, now: Hlc): QueryAsked {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw bad("the body is no object", 'Send {"rql": "SELECT leader FROM raft"}.');
  }
  const fields = body as Readonly<Record<string, unknown>>;
  const stranger = Object.keys(fields).find((name) => !FIELDS.includes(name));
  if (stranger !== undefined) {
    const near = nearestNames(stranger, FIELDS);
    throw new RetroError(
      "bad-parameter",
      `unknown field ${JSON.stringify(stranger.slice(0, 80))}`,
      {
        hint: `A query takes ${near.join(", ")}.`,
        details: { accepted: near },
      },
    );
  }
  const { rql, explain = false } = fields;
  if (typeof rql !== "string") throw bad("rql is no text", "Send the query as a string.");
  if (typeof explain !== "boolean") throw bad("explain is no truth value", "Send true or false.");
  return {
    rql,
    explain,
    ...(fields["from"] === undefined ? {} : { from: timeOf(fields, "from", now) }),
    ...(fields["to"] === undefined ? {} : { to: timeOf(fields, "to", now) }),
  };
}
