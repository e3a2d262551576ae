/**
 * Bodies of questions. They are read before the gate (query-gate.ts): who sends slowly takes no place of
 * those who ask, only room for a body, and that not for long.
 *
 *     POST ── type ──▶ room for what it declares ──▶ read, 10 s ──▶ JSON ──▶ gate ──▶ route
 *              415             503, Retry-After          408      400, 413
 */
import express, { type Request, type RequestHandler, type Response } from "express";
import type { CutTimers } from "../cut/timers.ts";
import { BodyBudget } from "../ingest/body-budget.ts";
import { refuseOtherTypes } from "./json-body.ts";

export interface JsonBodyLimits {
  /** All bodies that are being read, in bytes of what they declare. */
  readonly allBytes: number;
  /** From the head to the end of a body. */
  readonly deadlineMs: number;
}

export const JSON_BODY_LIMITS: JsonBodyLimits = { allBytes: 32 * 1024 * 1024, deadlineMs: 10_000 };

/** What errors.ts tells of by its status. */
class LateBody extends Error {
  readonly status = 408;
}

export class JsonBodies {
  readonly #after: CutTimers["after"];
  readonly #limits: JsonBodyLimits;
  readonly #budget: BodyBudget;

  constructor(after: CutTimers["after"], limits: Partial<JsonBodyLimits> = {}) {
    this.#after = after;
    this.#limits = { ...JSON_BODY_LIMITS, ...limits };
    this.#budget = new BodyBudget(this.#limits.allBytes);
  }

  /** Reads a body of at most so many bytes into `request.body`. */
  reader(mostBytes: number): RequestHandler[] {
    const readJson = express.json({ limit: mostBytes, type: "application/json" });
    const read: RequestHandler = (request, response, next) => {
      const giveBack = this.#budget.reserve(roomFor(request, mostBytes));
      const cancel = this.#after(this.#limits.deadlineMs, () => end(late(response, this.#limits)));
      let isOver = false;
      // What express says of a body that was given up is not told a second time.
      function end(error?: unknown): void {
        if (isOver) return;
        isOver = true;
        cancel();
        giveBack();
        next(error);
      }
      readJson(request, response, end);
    };
    return [refuseOtherTypes, read];
  }
}

/** What is declared; where that says nothing of the length in memory, the most there may be. */
function roomFor({ headers }: Request, mostBytes: number): number {
  const isPlain = (headers["content-encoding"] ?? "identity").toLowerCase() === "identity";
  const declared = headers["content-length"];
  return isPlain && declared !== undefined ? Math.min(Number(declared), mostBytes) : mostBytes;
}

function late(response: Response, { deadlineMs }: JsonBodyLimits): LateBody {
  // The rest of it would be taken for the next request.
  response.setHeader("connection", "close");
  return new LateBody(`the body took longer than ${deadlineMs / 1_000} s`);
}
