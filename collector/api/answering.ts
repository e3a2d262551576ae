/** What every route is given to answer with. */
import type { Response } from "express";
import type { Hlc } from "../../agent/kernel/index.ts";
import type { History } from "../cut/history.ts";

export interface Answering {
  readonly history: History;
  /** The collector's clock: what `now` and relative times refer to. */
  readonly now: () => Hlc;
}

/** By response: the signal that query-gate.ts gave it. */
const CLOSING = new WeakMap<Response, AbortSignal>();

/** The gate's: what `closingOf` gives from now on. */
export function setClosing(response: Response, signal: AbortSignal): void {
  CLOSING.set(response, signal);
}

/**
 * Aborts when the asker hangs up or the time of the question is up (query-gate.ts), so that nobody
 * works for an answer that nobody reads. Give it to every question that takes a signal.
 */
export function closingOf(response: Response): AbortSignal {
  const known = CLOSING.get(response);
  if (known !== undefined) return known;
  const abort = new AbortController();
  response.once("close", () => abort.abort());
  return abort.signal;
}
