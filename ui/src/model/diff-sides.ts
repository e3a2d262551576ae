/**
 * Both sides of a Diff beside their variables: the two cuts, and the requests that ended shortly before
 * each. Who was there and what was under way is compared here; the variables are `/api/diff`'s.
 */
import { type Hlc, TICKS_PER_MS } from "../../../agent/kernel/index.ts";
import type { CutJson, EventsJson } from "../../../collector/api/shapes.ts";
import { type ApiReader, hexOf } from "../api/client.ts";
import { clampTicks } from "../scale/time-scale.ts";
import { type LatencyFacts, latencyOf } from "./diff-facts.ts";

export interface DiffSide {
  readonly cut: CutJson;
  readonly latency: readonly LatencyFacts[];
  /** There were more requests than are read. */
  readonly isShortened: boolean;
}

export interface DiffSides {
  readonly before: DiffSide;
  readonly after: DiffSide;
  /** How far before each cut requests were read. */
  readonly spanTicks: number;
}

export interface SidesQuestion {
  /** The earlier cut, and the later. */
  readonly from: Hlc;
  readonly to: Hlc;
}

const SPAN_TICKS = 1_000 * TICKS_PER_MS;
const MAX_REQUESTS = 5_000;
/** Where a second holds more requests, a shorter stretch is read. */
const SHORTER = 8;
const TRIES = 4;

/** @throws ApiFailure as the client does. */
export async function diffSides(
  client: ApiReader,
  { from, to }: SidesQuestion,
  signal: AbortSignal,
): Promise<DiffSides> {
  const [before, after] = await Promise.all([
    sideAt(client, from, signal),
    sideAt(client, to, signal),
  ]);
  return { before, after, spanTicks: SPAN_TICKS };
}

async function sideAt(client: ApiReader, at: Hlc, signal: AbortSignal): Promise<DiffSide> {
  const cut = await client.get<CutJson>("/api/cut", { at: hexOf(at) }, signal);
  let span = SPAN_TICKS;
  for (let tries = 0; ; tries += 1) {
    const { events, next } = await client.get<EventsJson>(
      "/api/events",
      {
        from: hexOf(clampTicks(at - span + 1)),
        to: hexOf(at),
        kind: "request",
        limit: MAX_REQUESTS,
      },
      signal,
    );
    if (next === undefined || tries === TRIES) {
      return { cut, latency: latencyOf(events), isShortened: span < SPAN_TICKS };
    }
    span = Math.ceil(span / SHORTER);
  }
}
