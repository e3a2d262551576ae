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

/** By response: what query-gate.ts gave it to be held open. */
const HOLDING = new WeakMap<Response, () => void>();

/** The gate's: what `holdOpen` does from now on. */
export function setHolding(response: Response, hold: () => void): void {
  HOLDING.set(response, hold);
}

/**
 * Gives back the place of a question that is about to wait, and its time with it: for those whose address
 * does not say so. Call it once, before waiting.
 * @throws RetroError `overloaded` if too many are held open
 */
export function holdOpen(response: Response): void {
  HOLDING.get(response)?.();
}

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
