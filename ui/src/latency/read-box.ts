/**
 * Reads the requests of a box and of the rest of the view, so that the two can be compared. Those at the time of the
 * box come first, since it is they who are asked about; where there are more than are read, the answer says so.
 */
import type { Hlc } from "../../../agent/kernel/index.ts";
import type { EventLineJson, EventsJson } from "../../../collector/api/shapes.ts";
import { type ApiReader, hexOf, ticksOf } from "../api/client.ts";
import type { LatencyBox } from "../model/choices.ts";
import type { Viewport } from "../scale/time-scale.ts";
import { isInBox } from "./latency-box.ts";

/** Requests read at the time of the box; and on each side of it. */
export const MAX_AT_BOX = 10_000;
export const MAX_BESIDE = 5_000;

export interface BoxQuestion {
  readonly box: LatencyBox;
  readonly view: Viewport;
}

export interface BoxRequests {
  readonly box: readonly EventLineJson[];
  readonly rest: readonly EventLineJson[];
  /** There are more at the time of the box than were read; and more beside it. */
  readonly isBoxShortened: boolean;
  readonly isRestShortened: boolean;
  /** Events may be missing, as of nodes that ship on demand. */
  readonly isComplete: boolean;
}

/** @throws ApiFailure as the client does. */
export async function readBox(
  client: ApiReader,
  { box, view }: BoxQuestion,
  signal: AbortSignal,
): Promise<BoxRequests> {
  const read = async (from: number, to: number, limit: number) => {
    if (to < from) return { lines: [], isMore: false, complete: true };
    const { events, next, complete } = await client.get<EventsJson>(
      "/api/events",
      { from: hexOf(from as Hlc), to: hexOf(to as Hlc), kind: "request", limit },
      signal,
    );
    return { lines: events as readonly EventLineJson[], isMore: next !== undefined, complete };
  };
  const during = await read(box.from, box.to - 1, MAX_AT_BOX);
  const before = await read(view.from, Math.min(view.to, box.from - 1), MAX_BESIDE);
  const after = await read(Math.max(view.from, box.to), view.to, MAX_BESIDE);
  const inBox: EventLineJson[] = [];
  const rest: EventLineJson[] = [];
  for (const line of [...before.lines, ...during.lines, ...after.lines]) {
    const us = Number((line as { residenceUs?: unknown }).residenceUs);
    (isInBox(box, ticksOf(line.t), us) ? inBox : rest).push(line);
  }
  return {
    ...{ box: inBox, rest },
    isBoxShortened: during.isMore,
    isRestShortened: during.isMore || before.isMore || after.isMore,
    isComplete: during.complete && before.complete && after.complete,
  };
}
