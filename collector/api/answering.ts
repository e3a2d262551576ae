/** What every route is given to answer with. */
import type { Response } from "express";
import type { Hlc } from "../../agent/kernel/index.ts";
import type { History } from "../cut/history.ts";

export interface Answering {
  readonly history: History;
  /** The collector's clock: what `now` and relative times refer to. */
  readonly now: () => Hlc;
}

/** Aborts when the asker hangs up, so that nobody works for an answer that nobody reads. */
export function closingOf(response: Response): AbortSignal {
  const abort = new AbortController();
  response.once("close", () => abort.abort());
  return abort.signal;
}
